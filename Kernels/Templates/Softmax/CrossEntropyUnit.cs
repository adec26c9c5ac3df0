using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.Softmax;

/// <summary>What the kernels of the loss and of its gradient need.</summary>
public readonly record struct CrossEntropyArguments(Operand Logits, Operand Labels, Operand Weights, Operand Output, int Columns);

/// <summary>
/// Template: cross-entropy of rows of logits. With m the largest x and s = sum of exp(x - m), both in <see cref="RowOrder"/>:
/// loss = weight · (log(s) - (x[label] - m)); +0 where the label is negative: an absent row.
/// </summary>
/// <remarks>x: [rows, C]; labels (integers below C), weights and losses: one for each row. Labels are checked when they are fed, not here.</remarks>
public sealed unsafe class CrossEntropyUnit : ConfiguredUnit
{
    private readonly CrossEntropyArguments _arguments;

    public CrossEntropyUnit(string name, int rowsPerItem, int columns, Operand logits, Operand labels, Operand weights, Operand output)
        : base(name, rowsPerItem) =>
        _arguments = new CrossEntropyArguments(logits, labels, weights, output, columns);

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)RowsPerItem * _arguments.Columns * 3;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        CrossEntropyArguments p = _arguments;
        Span<float> lanes = stackalloc float[RowOrder.Lanes];
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            int label = memory.Int(p.Labels, row, 0);
            if (label < 0)
            {
                memory.Store(p.Output, row, 0, 0f);
                continue;
            }

            float sum = SumOfPowers(memory, p, row, lanes, out float largest);
            memory.Store(p.Output, row, 0, Loss(memory.Float(p.Weights, row, 0), sum, memory.Float(p.Logits, row, label), largest));
        }
    }

    public override void Run(in HostTile tile)
    {
        tile.Share(checked(tile.ItemCount * RowsPerItem), 1, out int begin, out int end);
        for (int row = begin; row < end; row++)
        {
            float* x = tile.Row(_arguments.Logits, RowsPerItem, row);
            int label = *(int*)tile.Row(_arguments.Labels, RowsPerItem, row);
            float loss = 0f;
            if (label >= 0)
            {
                float largest = SoftmaxHost.Largest(x, _arguments.Columns);
                float sum = SoftmaxHost.Powers(x, largest, null, _arguments.Columns);
                loss = Loss(*tile.Row(_arguments.Weights, RowsPerItem, row), sum, x[label], largest);
            }

            *tile.Row(_arguments.Output, RowsPerItem, row) = loss;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(CrossEntropyKernel.Run, checked(items * RowsPerItem), _arguments);

    internal static float Loss(float weight, float sum, float logit, float largest) =>
        Exact.Mul(weight, Exact.Sub(Logarithm.Log<ScalarLane, float, int>(sum), Exact.Sub(logit, largest)));

    internal static float SumOfPowers(InterpreterMemory memory, CrossEntropyArguments p, long row, Span<float> lanes, out float largest)
    {
        lanes.Fill(RowMax.Identity);
        for (int c = 0; c < p.Columns; c++)
        {
            lanes[c % RowOrder.Lanes] = RowMax.Accumulate<ScalarLane, float, int>(lanes[c % RowOrder.Lanes], memory.Float(p.Logits, row, c));
        }

        largest = RowOrder.Tree<RowMax>(lanes);
        lanes.Clear();
        for (int c = 0; c < p.Columns; c++)
        {
            lanes[c % RowOrder.Lanes] = Exact.Add(lanes[c % RowOrder.Lanes], SoftmaxUnit.Power(memory.Float(p.Logits, row, c), largest));
        }

        return RowOrder.Tree(lanes);
    }
}

/// <summary>Cross-entropy on a device: one thread for each row.</summary>
public static class CrossEntropyKernel
{
    public static MethodInfo Method => typeof(CrossEntropyKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D row, ArrayView<float> arena, ArrayView<int> words, CrossEntropyArguments p)
    {
        int label = words[p.Labels.At(row, 0)];
        float loss = 0f;
        if (label >= 0)
        {
            float largest = SoftmaxRowDevice.Largest(arena, p.Logits, row, p.Columns);
            float sum = SoftmaxRowDevice.SumOfPowers(arena, p.Logits, row, p.Columns, largest);
            loss = CrossEntropyUnit.Loss(arena[p.Weights.At(row, 0)], sum, arena[p.Logits.At(row, label)], largest);
        }

        arena[p.Output.At(row, 0)] = loss;
    }
}
