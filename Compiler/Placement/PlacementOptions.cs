using RduEmu.Compiler.Lowering;

namespace RduEmu.Compiler.Placement;

/// <summary>How a graph is placed; the bits of its results do not depend on any of it.</summary>
/// <param name="Mode">How much becomes one section.</param>
/// <param name="Tiles">Tiles of the chip that the program gets, or 0 for all.</param>
/// <param name="Seed">Of the annealing.</param>
/// <param name="ElementBytes">Storage of one element of activations and weights: 2 for bf16, 4 for binary32.</param>
public sealed record PlacementOptions(CompileMode Mode = CompileMode.O3, int Tiles = 0, int Seed = 1, int ElementBytes = 2);
