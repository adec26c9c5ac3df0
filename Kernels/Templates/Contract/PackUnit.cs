using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>What the pack kernel needs.</summary>
/// <param name="Rows">N, rows of the weight.</param>
/// <param name="Columns">K, its columns.</param>
/// <param name="Transposed">1 if the weight's columns become the packed columns.</param>
public readonly record struct PackArguments(Operand Weight, Operand Packed, int Rows, int Columns, int Transposed);

/// <summary>
/// Template <c>Layout</c>, packing of weights w[n, k] into panels: forward, packed columns are n and the depth is k; transposed,
/// packed columns are k and the depth is n, which is what the gradient by the input contracts with.
/// </summary>
/// <remarks>Its items are the rows n of the weight. The zeros past the last column are the arena's own.</remarks>
public sealed unsafe class PackUnit : ConfiguredUnit
{
    private readonly PackArguments _arguments;

    public PackUnit(string name, int rows, int columns, bool transposed, Operand weight, Operand packed)
        : base(name, rowsPerItem: 1) =>
        _arguments = new PackArguments(weight, packed, rows, columns, transposed ? 1 : 0);

    public override long OperationsPerItem => 0;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        for (int n = 0; n < items; n++)
        {
            for (int k = 0; k < _arguments.Columns; k++)
            {
                memory.Store(_arguments.Packed, 0, PackKernel.Target(_arguments, n, k), memory.Float(_arguments.Weight, n, k));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        float* packed = tile.Whole(_arguments.Packed);
        int depth = _arguments.Transposed != 0 ? _arguments.Rows : _arguments.Columns;
        for (int row = 0; row < tile.ItemCount; row++)
        {
            float* weight = tile.Row(_arguments.Weight, 1, row);
            int n = tile.ItemBegin + row;
            if (_arguments.Transposed == 0)
            {
                float* lane = packed + PackedWeight.IndexElements(n, 0, depth);
                for (int k = 0; k < _arguments.Columns; k++)
                {
                    lane[(nint)k * ContractOrder.PanelColumns] = weight[k];
                }
            }
            else
            {
                for (int k = 0; k < _arguments.Columns; k += ContractOrder.PanelColumns)
                {
                    int count = Math.Min(ContractOrder.PanelColumns, _arguments.Columns - k);
                    float* target = packed + PackedWeight.IndexElements(k, n, depth);
                    new ReadOnlySpan<float>(weight + k, count).CopyTo(new Span<float>(target, count));
                }
            }
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
        words[arguments.Packed.At(0, Target(arguments, n, k))] = words[arguments.Weight.At(n, k)];
    }

    internal static long Target(PackArguments arguments, int n, int k) => arguments.Transposed != 0
        ? PackedWeight.IndexElements(k, n, arguments.Rows)
        : PackedWeight.IndexElements(n, k, arguments.Columns);
}
