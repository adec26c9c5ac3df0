using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Perf.Repeatability;

/// <summary>
/// Sums in whatever order is fastest: as many chains as the processor can keep busy, no chunks, no lanes, no trees. Extents are multiples
/// of the tiles that are used here; whoever calls sees to it.
/// </summary>
internal static unsafe class UnorderedLoops
{
    /// <summary>Rows of a register tile: with two vectors each, 12 chains, which hide the latency of an FMA on two pipes.</summary>
    public const int TileRows = 6;

    /// <summary>Steps of the summed axis for which a panel of columns stays in the first cache.</summary>
    private const int BlockSteps = 256;

    /// <summary>Columns of a register tile on this processor.</summary>
    public static int TileColumns => Vector512.IsHardwareAccelerated ? 2 * Lane512.Count : 2 * Lane256.Count;

    /// <summary>c[r, n] = sum over k of a[r · aRow + k · aStep] · b[k · columns + n], the sum in blocks that stay in c.</summary>
    /// <param name="a">Read by its strides.</param>
    /// <param name="aRow">From one row of c to the next.</param>
    /// <param name="aStep">From one k to the next.</param>
    /// <param name="b">A row for each k.</param>
    /// <param name="c">Row-major.</param>
    /// <param name="rows">A multiple of <see cref="TileRows"/>.</param>
    /// <param name="columns">A multiple of <see cref="TileColumns"/>.</param>
    /// <param name="depth">What k runs over.</param>
    /// <param name="panel">Room for a block's columns of one register tile: 256 · <see cref="TileColumns"/>.</param>
    /// <param name="isPacked">True if b is in panels of <see cref="TileColumns"/> already, one after the other.</param>
    public static void Product(float* a, nint aRow, nint aStep, float* b, float* c, int rows, int columns, int depth, float* panel, bool isPacked)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Product<Lane512, Vector512<float>>(a, aRow, aStep, b, c, rows, columns, depth, panel, isPacked);
        }
        else
        {
            Product<Lane256, Vector256<float>>(a, aRow, aStep, b, c, rows, columns, depth, panel, isPacked);
        }
    }

    /// <summary>The sum of a row, in eight chains.</summary>
    public static float RowSum(float* x, nint columns) =>
        Vector512.IsHardwareAccelerated ? RowSum<Lane512, Vector512<float>>(x, columns) : RowSum<Lane256, Vector256<float>>(x, columns);

    /// <summary>exp(x - largest) / sum of these, with the product's exp; the maximum in four chains. Columns are a multiple of 64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Softmax(float* x, float* y, nint columns)
    {
        Vector512<float> m0 = Vector512.Load(x), m1 = Vector512.Load(x + 16), m2 = Vector512.Load(x + 32), m3 = Vector512.Load(x + 48);
        for (nint c = 64; c < columns; c += 64)
        {
            m0 = Vector512.MaxNative(m0, Vector512.Load(x + c));
            m1 = Vector512.MaxNative(m1, Vector512.Load(x + c + 16));
            m2 = Vector512.MaxNative(m2, Vector512.Load(x + c + 32));
            m3 = Vector512.MaxNative(m3, Vector512.Load(x + c + 48));
        }

        Vector512<float> most = Vector512.MaxNative(Vector512.MaxNative(m0, m1), Vector512.MaxNative(m2, m3));
        float largest = most[0];
        for (int lane = 1; lane < 16; lane++)
        {
            largest = MathF.Max(largest, most[lane]);
        }

        // One chain: an exp takes far longer than an addition, and four of them at once do not fit the registers.
        Vector512<float> wide = Vector512.Create(largest), sum = default;
        for (nint c = 0; c < columns; c += 16)
        {
            Vector512<float> power = Exponential.Exp<WideLane, Vector512<float>, Vector512<int>>(Vector512.Load(x + c) - wide);
            sum += power;
            power.Store(y + c);
        }

        Vector512<float> factor = Vector512.Create(1 / Vector512.Sum(sum));
        for (nint c = 0; c < columns; c += 16)
        {
            (Vector512.Load(y + c) * factor).Store(y + c);
        }
    }

    /// <summary>sum[c] += the rows of x, in four chains a column. Columns are a multiple of 16.</summary>
    public static void ColumnSums(float* x, float* sum, nint rows, nint columns)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            ColumnSums<Lane512, Vector512<float>>(x, sum, rows, columns);
        }
        else
        {
            ColumnSums<Lane256, Vector256<float>>(x, sum, rows, columns);
        }
    }

    private static void Product<TLane, T>(float* a, nint aRow, nint aStep, float* b, float* c, int rows, int columns, int depth, float* panel, bool isPacked)
        where TLane : struct, IVectorLane<T>
        where T : unmanaged
    {
        int width = 2 * TLane.Count;
        for (int begin = 0; begin < depth; begin += BlockSteps)
        {
            int steps = Math.Min(BlockSteps, depth - begin);
            for (int column = 0; column < columns; column += width)
            {
                float* from = b + (nint)column * depth + (nint)begin * width;
                if (!isPacked)
                {
                    for (int k = 0; k < steps; k++)
                    {
                        float* source = b + (nint)(begin + k) * columns + column;
                        TLane.Store(TLane.Load(source), panel + k * width);
                        TLane.Store(TLane.Load(source + TLane.Count), panel + k * width + TLane.Count);
                    }

                    from = panel;
                }

                for (int row = 0; row < rows; row += TileRows)
                {
                    Tile<TLane, T>(a + row * aRow + begin * aStep, aRow, aStep, from, c + (nint)row * columns + column, columns, steps, begin > 0);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile<TLane, T>(float* a, nint aRow, nint aStep, float* panel, float* c, nint columns, int steps, bool goesOn)
        where TLane : struct, IVectorLane<T>
        where T : unmanaged
    {
        nint half = TLane.Count;
        T p0 = TLane.Zero, p1 = p0, p2 = p0, p3 = p0, p4 = p0, p5 = p0, q0 = p0, q1 = p0, q2 = p0, q3 = p0, q4 = p0, q5 = p0;
        for (int k = 0; k < steps; k++, a += aStep, panel += 2 * half)
        {
            T b0 = TLane.Load(panel), b1 = TLane.Load(panel + half);
            T x = TLane.Broadcast(a[0]);
            p0 = TLane.Fma(x, b0, p0);
            q0 = TLane.Fma(x, b1, q0);
            x = TLane.Broadcast(a[aRow]);
            p1 = TLane.Fma(x, b0, p1);
            q1 = TLane.Fma(x, b1, q1);
            x = TLane.Broadcast(a[2 * aRow]);
            p2 = TLane.Fma(x, b0, p2);
            q2 = TLane.Fma(x, b1, q2);
            x = TLane.Broadcast(a[3 * aRow]);
            p3 = TLane.Fma(x, b0, p3);
            q3 = TLane.Fma(x, b1, q3);
            x = TLane.Broadcast(a[4 * aRow]);
            p4 = TLane.Fma(x, b0, p4);
            q4 = TLane.Fma(x, b1, q4);
            x = TLane.Broadcast(a[5 * aRow]);
            p5 = TLane.Fma(x, b0, p5);
            q5 = TLane.Fma(x, b1, q5);
        }

        Put<TLane, T>(c, half, p0, q0, goesOn);
        Put<TLane, T>(c + columns, half, p1, q1, goesOn);
        Put<TLane, T>(c + 2 * columns, half, p2, q2, goesOn);
        Put<TLane, T>(c + 3 * columns, half, p3, q3, goesOn);
        Put<TLane, T>(c + 4 * columns, half, p4, q4, goesOn);
        Put<TLane, T>(c + 5 * columns, half, p5, q5, goesOn);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TLane, T>(float* c, nint half, T p, T q, bool goesOn)
        where TLane : struct, IVectorLane<T>
        where T : unmanaged
    {
        TLane.Store(goesOn ? TLane.Add(TLane.Load(c), p) : p, c);
        TLane.Store(goesOn ? TLane.Add(TLane.Load(c + half), q) : q, c + half);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float RowSum<TLane, T>(float* x, nint columns)
        where TLane : struct, IVectorLane<T>
        where T : unmanaged
    {
        nint count = TLane.Count;
        T a = TLane.Zero, b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        nint at = 0;
        for (; at + 8 * count <= columns; at += 8 * count)
        {
            a = TLane.Add(a, TLane.Load(x + at));
            b = TLane.Add(b, TLane.Load(x + at + count));
            c = TLane.Add(c, TLane.Load(x + at + 2 * count));
            d = TLane.Add(d, TLane.Load(x + at + 3 * count));
            e = TLane.Add(e, TLane.Load(x + at + 4 * count));
            f = TLane.Add(f, TLane.Load(x + at + 5 * count));
            g = TLane.Add(g, TLane.Load(x + at + 6 * count));
            h = TLane.Add(h, TLane.Load(x + at + 7 * count));
        }

        float* lanes = stackalloc float[Lane512.Count];
        TLane.Store(TLane.Add(TLane.Add(TLane.Add(a, b), TLane.Add(c, d)), TLane.Add(TLane.Add(e, f), TLane.Add(g, h))), lanes);
        float sum = 0;
        for (int lane = 0; lane < count; lane++)
        {
            sum += lanes[lane];
        }

        for (; at < columns; at++)
        {
            sum += x[at];
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ColumnSums<TLane, T>(float* x, float* sum, nint rows, nint columns)
        where TLane : struct, IVectorLane<T>
        where T : unmanaged
    {
        // Rows in the outer loop: they are read as they lie, and the sums stay in the first cache.
        nint row = 0;
        for (; row + 4 <= rows; row += 4)
        {
            float* at = x + row * columns;
            for (nint c = 0; c < columns; c += TLane.Count, at += TLane.Count)
            {
                T four = TLane.Add(TLane.Add(TLane.Load(at), TLane.Load(at + columns)), TLane.Add(TLane.Load(at + 2 * columns), TLane.Load(at + 3 * columns)));
                TLane.Store(TLane.Add(TLane.Load(sum + c), four), sum + c);
            }
        }

        for (; row < rows; row++)
        {
            for (nint c = 0; c < columns; c++)
            {
                sum[c] += x[row * columns + c];
            }
        }
    }
}
