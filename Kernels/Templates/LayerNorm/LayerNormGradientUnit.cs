using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.LayerNorm;

/// <summary>What the kernel needs.</summary>
public readonly record struct LayerNormGradientArguments(Operand X, Operand Gamma, Operand OutputGradient, Operand Output, int Columns, float Epsilon);

/// <summary>
/// Template: the gradient of a layer norm by its input. With n and r as in <see cref="LayerNormUnit"/> (worked out again from x) and
/// g = dy · gamma: a = (sum of g) / C, b = (sum of g · n, FMAs) / C, dx = r · fma(-b, n, g - a). Sums in <see cref="RowOrder"/>.
/// </summary>
/// <remarks>x, dy, dx: [rows, C]; gamma: [C]. dx is neither x nor dy.</remarks>
public sealed unsafe class LayerNormGradientUnit : ConfiguredUnit
{
    private readonly LayerNormGradientArguments _arguments;

    public LayerNormGradientUnit(
        string name, int rowsPerItem, int columns, float epsilon, Operand x, Operand gamma, Operand outputGradient, Operand output)
        : base(name, rowsPerItem)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        _arguments = new LayerNormGradientArguments(x, gamma, outputGradient, output, columns, epsilon);
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)RowsPerItem * _arguments.Columns * 14;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        LayerNormGradientArguments p = _arguments;
        Span<float> lanes = stackalloc float[RowOrder.Lanes];
        Span<float> products = stackalloc float[RowOrder.Lanes];
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            lanes.Clear();
            for (int c = 0; c < p.Columns; c++)
            {
                lanes[c % RowOrder.Lanes] = Exact.Add(lanes[c % RowOrder.Lanes], memory.Float(p.X, row, c));
            }

            float mean = Exact.Div(RowOrder.Tree(lanes), p.Columns);
            lanes.Clear();
            for (int c = 0; c < p.Columns; c++)
            {
                float d = Exact.Sub(memory.Float(p.X, row, c), mean);
                lanes[c % RowOrder.Lanes] = Exact.Fma(d, d, lanes[c % RowOrder.Lanes]);
            }

            float root = LayerNormUnit.Root(Exact.Div(RowOrder.Tree(lanes), p.Columns), p.Epsilon);
            lanes.Clear();
            products.Clear();
            for (int c = 0; c < p.Columns; c++)
            {
                float n = Exact.Mul(Exact.Sub(memory.Float(p.X, row, c), mean), root);
                float g = Exact.Mul(memory.Float(p.OutputGradient, row, c), memory.Float(p.Gamma, 0, c));
                lanes[c % RowOrder.Lanes] = Exact.Add(lanes[c % RowOrder.Lanes], g);
                products[c % RowOrder.Lanes] = Exact.Fma(g, n, products[c % RowOrder.Lanes]);
            }

            float a = Exact.Div(RowOrder.Tree(lanes), p.Columns);
            float b = Exact.Div(RowOrder.Tree(products), p.Columns);
            for (int c = 0; c < p.Columns; c++)
            {
                float n = Exact.Mul(Exact.Sub(memory.Float(p.X, row, c), mean), root);
                float g = Exact.Mul(memory.Float(p.OutputGradient, row, c), memory.Float(p.Gamma, 0, c));
                memory.Store(p.Output, row, c, Element(n, g, a, b, root));
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
        float* dy = tile.Row(_arguments.OutputGradient, RowsPerItem, begin);
        float* dx = tile.Row(_arguments.Output, RowsPerItem, begin);
        float* gamma = tile.Whole(_arguments.Gamma);
        for (int row = begin; row < end; row++)
        {
            float root = LayerNormHost.Statistics(x, _arguments.Columns, _arguments.Epsilon, out float mean);
            Row(x, gamma, dy, dx, mean, root, _arguments.Columns);
            x += _arguments.X.RowStrideElements;
            dy += _arguments.OutputGradient.RowStrideElements;
            dx += _arguments.Output.RowStrideElements;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(LayerNormGradientKernel.Run, checked(items * RowsPerItem), _arguments);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Element(float n, float g, float a, float b, float root) =>
        Exact.Mul(root, Exact.Fma(ScalarLane.Negate(b), n, Exact.Sub(g, a)));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row(float* x, float* gamma, float* dy, float* dx, float mean, float root, nint columns)
    {
        float* lanes = stackalloc float[RowOrder.Lanes];
        float* products = stackalloc float[RowOrder.Lanes];
        Vector512<float> wideMean = Vector512.Create(mean), wideRoot = Vector512.Create(root);
        Vector512<float> sum = Vector512<float>.Zero, product = Vector512<float>.Zero;
        nint whole = columns - columns % RowOrder.Lanes;
        for (nint c = 0; c < whole; c += RowOrder.Lanes)
        {
            Vector512<float> n = (Vector512.Load(x + c) - wideMean) * wideRoot;
            Vector512<float> g = Vector512.Load(dy + c) * Vector512.Load(gamma + c);
            sum += g;
            product = Vector512.FusedMultiplyAdd(g, n, product);
        }

        sum.Store(lanes);
        product.Store(products);
        for (nint c = whole; c < columns; c++)
        {
            float g = dy[c] * gamma[c];
            lanes[c - whole] += g;
            products[c - whole] = MathF.FusedMultiplyAdd(g, (x[c] - mean) * root, products[c - whole]);
        }

        float a = RowOrder.Tree(new Span<float>(lanes, RowOrder.Lanes)) / columns;
        float b = RowOrder.Tree(new Span<float>(products, RowOrder.Lanes)) / columns;
        Vector512<float> wideA = Vector512.Create(a), minusB = Vector512.Create(-b);
        for (nint c = 0; c < whole; c += RowOrder.Lanes)
        {
            Vector512<float> n = (Vector512.Load(x + c) - wideMean) * wideRoot;
            Vector512<float> g = Vector512.Load(dy + c) * Vector512.Load(gamma + c);
            (wideRoot * Vector512.FusedMultiplyAdd(minusB, n, g - wideA)).Store(dx + c);
        }

        for (nint c = whole; c < columns; c++)
        {
            dx[c] = Element((x[c] - mean) * root, dy[c] * gamma[c], a, b, root);
        }
    }
}

/// <summary>The gradient of a layer norm on a device: one thread for each row.</summary>
public static class LayerNormGradientKernel
{
    public static MethodInfo Method => typeof(LayerNormGradientKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D row, ArrayView<float> arena, ArrayView<int> words, LayerNormGradientArguments p)
    {
        float mean = LayerNormKernel.Mean(arena, p.X, row, p.Columns);
        float root = LayerNormKernel.Root(arena, p.X, row, p.Columns, mean, p.Epsilon);
        ArrayView<float> lanes = LocalMemory.Allocate<float>(RowOrder.Lanes);
        ArrayView<float> products = LocalMemory.Allocate<float>(RowOrder.Lanes);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            float sum = 0f;
            float product = 0f;
            for (int c = lane; c < p.Columns; c += RowOrder.Lanes)
            {
                float n = Exact.Mul(Exact.Sub(arena[p.X.At(row, c)], mean), root);
                float g = Exact.Mul(arena[p.OutputGradient.At(row, c)], arena[p.Gamma.At(0, c)]);
                sum = Exact.Add(sum, g);
                product = Exact.Fma(g, n, product);
            }

            lanes[lane] = sum;
            products[lane] = product;
        }

        float a = Exact.Div(RowOrderDevice.Tree(lanes), p.Columns);
        float b = Exact.Div(RowOrderDevice.Tree(products), p.Columns);
        for (int c = 0; c < p.Columns; c++)
        {
            float n = Exact.Mul(Exact.Sub(arena[p.X.At(row, c)], mean), root);
            float g = Exact.Mul(arena[p.OutputGradient.At(row, c)], arena[p.Gamma.At(0, c)]);
            arena[p.Output.At(row, c)] = LayerNormGradientUnit.Element(n, g, a, b, root);
        }
    }
}
