using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.Softmax;

/// <summary>What the kernel needs.</summary>
public readonly record struct SoftmaxGradientArguments(Operand Y, Operand OutputGradient, Operand Output, int Columns, float Scale);

/// <summary>
/// Template: the gradient of softmax by its output y. s = sum of y · dy, each lane an FMA chain, in <see cref="RowOrder"/>;
/// dx = (y · (dy - s)) · scale. The output may be dy.
/// </summary>
/// <remarks>y, dy, dx: [rows, C].</remarks>
public sealed unsafe class SoftmaxGradientUnit : ConfiguredUnit
{
    private readonly SoftmaxGradientArguments _arguments;

    public SoftmaxGradientUnit(string name, int rowsPerItem, int columns, float scale, Operand y, Operand outputGradient, Operand output)
        : base(name, rowsPerItem) =>
        _arguments = new SoftmaxGradientArguments(y, outputGradient, output, columns, scale);

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)RowsPerItem * _arguments.Columns * 5;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        SoftmaxGradientArguments p = _arguments;
        Span<float> lanes = stackalloc float[RowOrder.Lanes];
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            lanes.Clear();
            for (int c = 0; c < p.Columns; c++)
            {
                lanes[c % RowOrder.Lanes] = Exact.Fma(memory.Float(p.Y, row, c), memory.Float(p.OutputGradient, row, c), lanes[c % RowOrder.Lanes]);
            }

            float sum = RowOrder.Tree(lanes);
            for (int c = 0; c < p.Columns; c++)
            {
                memory.Store(p.Output, row, c, Element(memory.Float(p.Y, row, c), memory.Float(p.OutputGradient, row, c), sum, p.Scale));
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

        float* y = tile.Row(_arguments.Y, RowsPerItem, begin);
        float* dy = tile.Row(_arguments.OutputGradient, RowsPerItem, begin);
        float* dx = tile.Row(_arguments.Output, RowsPerItem, begin);
        for (int row = begin; row < end; row++)
        {
            Row(y, dy, dx, _arguments.Scale, _arguments.Columns);
            y += _arguments.Y.RowStrideElements;
            dy += _arguments.OutputGradient.RowStrideElements;
            dx += _arguments.Output.RowStrideElements;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(SoftmaxGradientKernel.Run, checked(items * RowsPerItem), _arguments);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Element(float y, float dy, float sum, float scale) => Exact.Mul(Exact.Mul(y, Exact.Sub(dy, sum)), scale);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row(float* y, float* dy, float* dx, float scale, nint columns)
    {
        float* lanes = stackalloc float[RowOrder.Lanes];
        nint whole = columns - columns % RowOrder.Lanes;
        Vector512<float> product = Vector512<float>.Zero;
        for (nint c = 0; c < whole; c += RowOrder.Lanes)
        {
            product = Vector512.FusedMultiplyAdd(Vector512.Load(y + c), Vector512.Load(dy + c), product);
        }

        product.Store(lanes);
        for (nint c = whole; c < columns; c++)
        {
            lanes[c - whole] = MathF.FusedMultiplyAdd(y[c], dy[c], lanes[c - whole]);
        }

        float sum = RowOrder.Tree(new Span<float>(lanes, RowOrder.Lanes));
        Vector512<float> wideSum = Vector512.Create(sum), wideScale = Vector512.Create(scale);
        for (nint c = 0; c < whole; c += RowOrder.Lanes)
        {
            (Vector512.Load(y + c) * (Vector512.Load(dy + c) - wideSum) * wideScale).Store(dx + c);
        }

        for (nint c = whole; c < columns; c++)
        {
            dx[c] = Element(y[c], dy[c], sum, scale);
        }
    }
}

/// <summary>The gradient of softmax on a device: one thread for each row.</summary>
public static class SoftmaxGradientKernel
{
    public static MethodInfo Method => typeof(SoftmaxGradientKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D row, ArrayView<float> arena, ArrayView<int> words, SoftmaxGradientArguments p)
    {
        ArrayView<float> lanes = LocalMemory.Allocate<float>(RowOrder.Lanes);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            float product = 0f;
            for (int c = lane; c < p.Columns; c += RowOrder.Lanes)
            {
                product = Exact.Fma(arena[p.Y.At(row, c)], arena[p.OutputGradient.At(row, c)], product);
            }

            lanes[lane] = product;
        }

        float sum = RowOrderDevice.Tree(lanes);
        for (int c = 0; c < p.Columns; c++)
        {
            arena[p.Output.At(row, c)] = SoftmaxGradientUnit.Element(arena[p.Y.At(row, c)], arena[p.OutputGradient.At(row, c)], sum, p.Scale);
        }
    }
}
