using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.LayerNorm;

/// <summary>What the kernel needs.</summary>
/// <param name="Affine">1 if gamma and beta are applied, else 0.</param>
public readonly record struct LayerNormArguments(Operand X, Operand Gamma, Operand Beta, Operand Output, int Columns, float Epsilon, int Affine);

/// <summary>
/// Template: layer norm of rows (Ba et al., arXiv:1607.06450). mean = (sum of x) / C; variance = (sum of (x - mean)², each lane an
/// FMA chain) / C; n = (x - mean) · r with r = 1 / sqrt(variance + epsilon); y = fma(n, gamma, beta), or n. Both sums run in
/// <see cref="RowOrder"/>. The output may be x.
/// </summary>
/// <remarks>x, y: [rows, C], C at least 1; gamma, beta: [C]. Workers that share a tile take whole rows of it.</remarks>
public sealed unsafe class LayerNormUnit : ConfiguredUnit
{
    private readonly LayerNormArguments _arguments;

    /// <param name="name">For people.</param>
    /// <param name="rowsPerItem">Rows for each item.</param>
    /// <param name="columns">C.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="x">Its rows.</param>
    /// <param name="output">y.</param>
    /// <param name="affine">gamma and beta; null for neither.</param>
    public LayerNormUnit(string name, int rowsPerItem, int columns, float epsilon, Operand x, Operand output, (Operand Gamma, Operand Beta)? affine)
        : base(name, rowsPerItem)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        _arguments = new LayerNormArguments(
            x, affine?.Gamma ?? default, affine?.Beta ?? default, output, columns, epsilon, affine is null ? 0 : 1);
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)RowsPerItem * _arguments.Columns * 8;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        LayerNormArguments p = _arguments;
        Span<float> lanes = stackalloc float[RowOrder.Lanes];
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

            float root = Root(Exact.Div(RowOrder.Tree(lanes), p.Columns), p.Epsilon);
            for (int c = 0; c < p.Columns; c++)
            {
                float n = Exact.Mul(Exact.Sub(memory.Float(p.X, row, c), mean), root);
                memory.Store(p.Output, row, c, p.Affine != 0 ? Exact.Fma(n, memory.Float(p.Gamma, 0, c), memory.Float(p.Beta, 0, c)) : n);
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
        float* gamma = _arguments.Affine != 0 ? tile.Whole(_arguments.Gamma) : null;
        float* beta = _arguments.Affine != 0 ? tile.Whole(_arguments.Beta) : null;
        for (int row = begin; row < end; row++, x += _arguments.X.RowStrideElements, y += _arguments.Output.RowStrideElements)
        {
            float root = LayerNormHost.Statistics(x, _arguments.Columns, _arguments.Epsilon, out float mean);
            Apply(x, y, gamma, beta, mean, root, _arguments.Columns);
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(LayerNormKernel.Run, checked(items * RowsPerItem), _arguments);

    /// <summary>1 / sqrt(variance + epsilon).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Root(float variance, float epsilon) => Exact.Div(1f, Exact.Sqrt(Exact.Add(variance, epsilon)));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Apply(float* x, float* y, float* gamma, float* beta, float mean, float root, nint columns)
    {
        nint c = 0;
        Vector512<float> wideMean = Vector512.Create(mean), wideRoot = Vector512.Create(root);
        for (; c + RowOrder.Lanes <= columns; c += RowOrder.Lanes)
        {
            Vector512<float> n = (Vector512.Load(x + c) - wideMean) * wideRoot;
            (gamma is null ? n : Vector512.FusedMultiplyAdd(n, Vector512.Load(gamma + c), Vector512.Load(beta + c))).Store(y + c);
        }

        for (; c < columns; c++)
        {
            float n = (x[c] - mean) * root;
            y[c] = gamma is null ? n : MathF.FusedMultiplyAdd(n, gamma[c], beta[c]);
        }
    }
}
