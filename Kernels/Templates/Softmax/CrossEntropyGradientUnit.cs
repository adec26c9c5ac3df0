using System.Reflection;
using System.Runtime.CompilerServices;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.Softmax;

/// <summary>
/// Template: the gradient of a cross-entropy by its logits. With m and s as in <see cref="CrossEntropyUnit"/>:
/// dx[c] = weight · (exp(x[c] - m) / s), and weight · (exp(x[c] - m) / s - 1) at the label; +0 in absent rows. The output may be x.
/// </summary>
/// <remarks>x, dx: [rows, C]; labels and weights: one for each row.</remarks>
public sealed unsafe class CrossEntropyGradientUnit : ConfiguredUnit
{
    private readonly CrossEntropyArguments _arguments;

    public CrossEntropyGradientUnit(string name, int rowsPerItem, int columns, Operand logits, Operand labels, Operand weights, Operand output)
        : base(name, rowsPerItem) =>
        _arguments = new CrossEntropyArguments(logits, labels, weights, output, columns);

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)RowsPerItem * _arguments.Columns * 5;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        CrossEntropyArguments p = _arguments;
        Span<float> lanes = stackalloc float[RowOrder.Lanes];
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            int label = memory.Int(p.Labels, row, 0);
            float largest = 0f;
            float sum = label < 0 ? 0f : CrossEntropyUnit.SumOfPowers(memory, p, row, lanes, out largest);
            for (int c = 0; c < p.Columns; c++)
            {
                float gradient = 0f;
                if (label >= 0)
                {
                    float quotient = Exact.Div(SoftmaxUnit.Power(memory.Float(p.Logits, row, c), largest), sum);
                    gradient = Element(memory.Float(p.Weights, row, 0), quotient, c == label);
                }

                memory.Store(p.Output, row, c, gradient);
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        tile.Share(checked(tile.ItemCount * RowsPerItem), 1, out int begin, out int end);
        for (int row = begin; row < end; row++)
        {
            float* x = tile.Row(_arguments.Logits, RowsPerItem, row);
            float* dx = tile.Row(_arguments.Output, RowsPerItem, row);
            int label = *(int*)tile.Row(_arguments.Labels, RowsPerItem, row);
            if (label < 0)
            {
                new Span<float>(dx, _arguments.Columns).Clear();
                continue;
            }

            float weight = *tile.Row(_arguments.Weights, RowsPerItem, row);
            float largest = SoftmaxHost.Largest(x, _arguments.Columns);
            float sum = SoftmaxHost.Powers(x, largest, dx, _arguments.Columns);
            float atLabel = Element(weight, dx[label] / sum, isLabel: true);
            SoftmaxHost.DivideAndWeigh(dx, sum, weight, _arguments.Columns);
            dx[label] = atLabel;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(CrossEntropyGradientKernel.Run, checked(items * RowsPerItem), _arguments);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Element(float weight, float quotient, bool isLabel) =>
        Exact.Mul(weight, isLabel ? Exact.Sub(quotient, 1f) : quotient);
}

/// <summary>The gradient of a cross-entropy on a device: one thread for each row.</summary>
public static class CrossEntropyGradientKernel
{
    public static MethodInfo Method => typeof(CrossEntropyGradientKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D row, ArrayView<float> arena, ArrayView<int> words, CrossEntropyArguments p)
    {
        int label = words[p.Labels.At(row, 0)];
        float largest = 0f;
        float sum = 0f;
        float weight = 0f;
        if (label >= 0)
        {
            largest = SoftmaxRowDevice.Largest(arena, p.Logits, row, p.Columns);
            sum = SoftmaxRowDevice.SumOfPowers(arena, p.Logits, row, p.Columns, largest);
            weight = arena[p.Weights.At(row, 0)];
        }

        for (int c = 0; c < p.Columns; c++)
        {
            float gradient = 0f;
            if (label >= 0)
            {
                float quotient = Exact.Div(SoftmaxUnit.Power(arena[p.Logits.At(row, c)], largest), sum);
                gradient = CrossEntropyGradientUnit.Element(weight, quotient, c == label);
            }

            arena[p.Output.At(row, c)] = gradient;
        }
    }
}
