using System.Reflection;
using System.Runtime.CompilerServices;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.Softmax;

/// <summary>What the kernel needs.</summary>
/// <param name="Masked">1 if the mask is added, else 0.</param>
/// <param name="RowsPerItem">Rows that share one row of the mask.</param>
public readonly record struct SoftmaxArguments(Operand X, Operand Mask, Operand Output, int Columns, float Scale, int Masked, int RowsPerItem);

/// <summary>
/// Template: softmax of rows. z = fma(x, scale, mask[item, c]), without a mask z = x · scale; m = the largest z;
/// e = exp(z - m); y = e / (sum of e). The maximum and the sum run in <see cref="RowOrder"/>. The output may be x.
/// </summary>
/// <remarks>x, y: [rows, C]; mask: one row [C] for each item, added to all its rows. Workers that share a tile take whole rows of it.</remarks>
public sealed unsafe class SoftmaxUnit : ConfiguredUnit
{
    private readonly SoftmaxArguments _arguments;

    public SoftmaxUnit(string name, int rowsPerItem, int columns, float scale, Operand x, Operand output, Operand? mask = null)
        : base(name, rowsPerItem) =>
        _arguments = new SoftmaxArguments(x, mask ?? default, output, columns, scale, mask is null ? 0 : 1, rowsPerItem);

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)RowsPerItem * _arguments.Columns * 5;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        SoftmaxArguments p = _arguments;
        Span<float> lanes = stackalloc float[RowOrder.Lanes];
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            lanes.Fill(RowMax.Identity);
            for (int c = 0; c < p.Columns; c++)
            {
                lanes[c % RowOrder.Lanes] = RowMax.Accumulate<ScalarLane, float, int>(lanes[c % RowOrder.Lanes], Logit(memory, row, c));
            }

            float largest = RowOrder.Tree<RowMax>(lanes);
            lanes.Clear();
            for (int c = 0; c < p.Columns; c++)
            {
                lanes[c % RowOrder.Lanes] = Exact.Add(lanes[c % RowOrder.Lanes], Power(Logit(memory, row, c), largest));
            }

            float sum = RowOrder.Tree(lanes);
            for (int c = 0; c < p.Columns; c++)
            {
                memory.Store(p.Output, row, c, Exact.Div(Power(Logit(memory, row, c), largest), sum));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        tile.Share(checked(tile.ItemCount * RowsPerItem), 1, out int begin, out int end);
        if (begin >= end)
        {
            return;
        }

        float* x = tile.Row(_arguments.X, RowsPerItem, begin);
        float* y = tile.Row(_arguments.Output, RowsPerItem, begin);
        for (int row = begin; row < end; row++, x += _arguments.X.RowStrideElements, y += _arguments.Output.RowStrideElements)
        {
            float* mask = _arguments.Masked != 0 ? tile.Row(_arguments.Mask, 1, row / RowsPerItem) : null;
            float largest = SoftmaxHost.Logits(x, mask, _arguments.Scale, y, _arguments.Columns);
            float sum = SoftmaxHost.Powers(y, largest, y, _arguments.Columns);
            SoftmaxHost.Divide(y, sum, _arguments.Columns);
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(SoftmaxKernel.Run, checked(items * RowsPerItem), _arguments);

    /// <summary>exp(z - m).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Power(float z, float largest) => Exponential.Exp<ScalarLane, float, int>(Exact.Sub(z, largest));

    private float Logit(InterpreterMemory memory, long row, int column)
    {
        float x = memory.Float(_arguments.X, row, column);
        return _arguments.Masked != 0
            ? Exact.Fma(x, _arguments.Scale, memory.Float(_arguments.Mask, row / RowsPerItem, column))
            : Exact.Mul(x, _arguments.Scale);
    }
}

/// <summary>Softmax on a device: one thread for each row.</summary>
public static class SoftmaxKernel
{
    public static MethodInfo Method => typeof(SoftmaxKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D row, ArrayView<float> arena, ArrayView<int> words, SoftmaxArguments p)
    {
        int item = row / p.RowsPerItem;
        ArrayView<float> lanes = LocalMemory.Allocate<float>(RowOrder.Lanes);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            float most = RowMax.Identity;
            for (int c = lane; c < p.Columns; c += RowOrder.Lanes)
            {
                most = RowMax.Accumulate<ScalarLane, float, int>(most, Logit(arena, p, row, item, c));
            }

            lanes[lane] = most;
        }

        float largest = SoftmaxRowDevice.TreeMax(lanes);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            float powers = 0f;
            for (int c = lane; c < p.Columns; c += RowOrder.Lanes)
            {
                powers = Exact.Add(powers, SoftmaxUnit.Power(Logit(arena, p, row, item, c), largest));
            }

            lanes[lane] = powers;
        }

        float sum = RowOrderDevice.Tree(lanes);
        for (int c = 0; c < p.Columns; c++)
        {
            arena[p.Output.At(row, c)] = Exact.Div(SoftmaxUnit.Power(Logit(arena, p, row, item, c), largest), sum);
        }
    }

    private static float Logit(ArrayView<float> arena, SoftmaxArguments p, int row, int item, int column)
    {
        float x = arena[p.X.At(row, column)];
        return p.Masked != 0 ? Exact.Fma(x, p.Scale, arena[p.Mask.At(item, column)]) : Exact.Mul(x, p.Scale);
    }
}
