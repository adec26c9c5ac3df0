using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Placement.Fusion;

namespace RduEmu.Compiler.Placement;

/// <summary>How a graph is placed; the bits of its results do not depend on any of it.</summary>
/// <param name="Mode">How much becomes one section.</param>
/// <param name="Tiles">Tiles of the chip that the program gets, or 0 for all.</param>
/// <param name="Seed">Of the annealing.</param>
/// <param name="ElementBytes">Storage of one element of activations and weights: 2 for bf16, 4 for binary32.</param>
/// <param name="ResourcePercent">
/// How many of a hundred PCUs and PMUs a section may take: the rest is left to routing, as in the public GPT-2 settings of SambaFlow
/// (gpt2.yaml: resources-scaling 0.8).
/// </param>
public sealed record PlacementOptions(
    CompileMode Mode = CompileMode.O3, int Tiles = 0, int Seed = 1, int ElementBytes = 2, int ResourcePercent = 80)
{
    /// <summary>Rules of mode o1. Those of the product are read where they are needed first, which most commands never do.</summary>
    public FusionRules Rules
    {
        get => field ?? FusionRules.Default;
        init;
    }

    /// <summary>The same choices, whether the product's rules were named or left out.</summary>
    public bool Equals(PlacementOptions? other) => other is not null
        && (Mode, Tiles, Seed, ElementBytes, ResourcePercent) == (other.Mode, other.Tiles, other.Seed, other.ElementBytes, other.ResourcePercent)
        && Rules == other.Rules;

    public override int GetHashCode() => HashCode.Combine(Mode, Tiles, Seed, ElementBytes, ResourcePercent);
}
