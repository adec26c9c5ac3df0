using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>What the pack kernel needs.</summary>
/// <param name="Rows">N, rows of the weight.</param>
/// <param name="Columns">K, its columns.</param>
/// <param name="Transposed">1 if the weight's columns become the packed columns.</param>
/// <param name="Rounds">1 if weights of 32 bits are rounded to the nearest bf16 on the way.</param>
public readonly record struct PackArguments(Operand Weight, Operand Packed, int Rows, int Columns, int Transposed, int Rounds);

/// <summary>
/// Template <c>Layout</c>, packing of weights w[n, k] into panels: forward, packed columns are n and the depth is k; transposed,
/// packed columns are k and the depth is n, which is what the gradient by the input contracts with.
/// </summary>
/// <remarks>Its items are the rows n of the weight. The zeros past the last column are the arena's own.</remarks>
public sealed unsafe class PackUnit : ConfiguredUnit
{
    private readonly PackArguments _arguments;

    public PackUnit(string name, int rows, int columns, bool transposed, Operand weight, Operand packed, bool rounds = false)
        : base(name, rowsPerItem: 1) =>
        _arguments = new PackArguments(weight, packed, rows, columns, transposed ? 1 : 0, rounds ? 1 : 0);

    public override long OperationsPerItem => 0;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        for (int n = 0; n < items; n++)
        {
            for (int k = 0; k < _arguments.Columns; k++)
            {
                memory.Store(_arguments.Packed, 0, PackKernel.Target(_arguments, n, k), WeightReader.Interpreted(memory, _arguments.Weight, n, k, _arguments.Rounds));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        PackArguments p = _arguments;
        float* packed = tile.Whole(p.Packed);
        int depth = p.Transposed != 0 ? p.Rows : p.Columns;
        float* buffer = HostBuffer.Of(0, WeightReader.Converts(p.Weight, p.Rounds) ? PanelPacking.RowsAtOnce * p.Columns : 0);
        for (int row = 0; row < tile.ItemCount;)
        {
            int n = tile.ItemBegin + row;
            int count = PanelPacking.Rows(tile.ItemCount - row, n % ContractOrder.PanelColumns);
            float* weight = WeightReader.Rows(in tile, p.Weight, row, count, p.Columns, p.Rounds, buffer, out nint stride);
            if (p.Transposed == 0)
            {
                PanelPacking.AcrossLanes(weight, stride, count, p.Columns, packed + PackedWeight.IndexElements(n, 0, depth));
            }
            else
            {
                PanelPacking.AlongDepth(weight, stride, count, p.Columns, packed + PackedWeight.IndexElements(0, n, depth), (nint)depth * ContractOrder.PanelColumns);
            }

            row += count;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(PackKernel.Run, checked(items * _arguments.Columns), _arguments);
}

/// <summary>Packing on a device: one thread for each weight.</summary>
public static class PackKernel
{
    public static MethodInfo Method => typeof(PackKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, PackArguments arguments)
    {
        int n = index / arguments.Columns;
        int k = index - n * arguments.Columns;
        arena[arguments.Packed.At(0, Target(arguments, n, k))] = WeightReader.OnDevice(arena, arguments.Weight, n, k, arguments.Rounds);
    }

    internal static long Target(PackArguments arguments, int n, int k) => arguments.Transposed != 0
        ? PackedWeight.IndexElements(k, n, arguments.Rows)
        : PackedWeight.IndexElements(n, k, arguments.Columns);
}
