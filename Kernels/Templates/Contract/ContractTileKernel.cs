using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>
/// A contraction on a device where there are sums enough for all of its threads: each has a register tile of four rows by four neighbours
/// of a panel, so that four words of X and one load of 16 bytes feed sixteen FMAs. The order of every sum is that of
/// <see cref="ContractKernel"/>.
/// </summary>
public static class ContractTileKernel
{
    public const int Rows = 4;

    public const int Columns = 4;

    /// <summary>Threads from which on tiles keep a device busy: an H100 has 132 multiprocessors of 2048 threads; an eighth of them hides the latency of loads.</summary>
    public const long LeastThreads = 32 * 1024;

    /// <summary>Four neighbours of a panel: one load.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Quad
    {
        public float X;
        public float Y;
        public float Z;
        public float W;
    }

    public static MethodInfo Method(Type epilogue) => typeof(ContractTileKernel).GetMethod(nameof(Run))!.MakeGenericMethod(epilogue);

    /// <summary>Threads for so many rows and columns.</summary>
    public static long Threads(long rows, int columns) => (rows + Rows - 1) / Rows * ((columns + Columns - 1) / Columns);

    public static void Run<TEpilogue>(Index1D index, ArrayView<float> arena, ArrayView<int> words, ContractTileArguments q)
        where TEpilogue : struct, IProgram
    {
        ContractArguments p = q.Contract;
        int tiles = (p.Columns + Columns - 1) / Columns;
        int firstRow = index / tiles * Rows;
        int firstColumn = (index - index / tiles * tiles) * Columns;
        int lastRow = q.Rows - 1;

        // Rows past the last are computed as the last one and not stored; columns past the last are the panel's zeros.
        long x0 = p.Input.At(firstRow, 0);
        long x1 = p.Input.At(firstRow + 1 < lastRow ? firstRow + 1 : lastRow, 0);
        long x2 = p.Input.At(firstRow + 2 < lastRow ? firstRow + 2 : lastRow, 0);
        long x3 = p.Input.At(firstRow + 3 < lastRow ? firstRow + 3 : lastRow, 0);
        long first = p.PackedWeight.At(0, PackedWeight.IndexElements(firstColumn, 0, p.Depth));
        ArrayView<Quad> panel = arena.SubView(first, (long)p.Depth * ContractOrder.PanelColumns - firstColumn % ContractOrder.PanelColumns).Cast<Quad>().AsAligned(16);
        float t0x = 0f, t0y = 0f, t0z = 0f, t0w = 0f;
        float t1x = 0f, t1y = 0f, t1z = 0f, t1w = 0f;
        float t2x = 0f, t2y = 0f, t2z = 0f, t2w = 0f;
        float t3x = 0f, t3y = 0f, t3z = 0f, t3w = 0f;
        for (int chunk = 0; chunk < p.Depth; chunk += ContractOrder.ChunkElements)
        {
            float s0x = 0f, s0y = 0f, s0z = 0f, s0w = 0f;
            float s1x = 0f, s1y = 0f, s1z = 0f, s1w = 0f;
            float s2x = 0f, s2y = 0f, s2z = 0f, s2w = 0f;
            float s3x = 0f, s3y = 0f, s3z = 0f, s3w = 0f;
            int end = chunk + ContractOrder.ChunkElements;
            end = end < p.Depth ? end : p.Depth;
            for (int k = chunk; k < end; k++)
            {
                Quad w = panel[(long)k * (ContractOrder.PanelColumns / Columns)];
                float a0 = arena[x0 + k];
                float a1 = arena[x1 + k];
                float a2 = arena[x2 + k];
                float a3 = arena[x3 + k];
                s0x = Exact.Fma(a0, w.X, s0x);
                s0y = Exact.Fma(a0, w.Y, s0y);
                s0z = Exact.Fma(a0, w.Z, s0z);
                s0w = Exact.Fma(a0, w.W, s0w);
                s1x = Exact.Fma(a1, w.X, s1x);
                s1y = Exact.Fma(a1, w.Y, s1y);
                s1z = Exact.Fma(a1, w.Z, s1z);
                s1w = Exact.Fma(a1, w.W, s1w);
                s2x = Exact.Fma(a2, w.X, s2x);
                s2y = Exact.Fma(a2, w.Y, s2y);
                s2z = Exact.Fma(a2, w.Z, s2z);
                s2w = Exact.Fma(a2, w.W, s2w);
                s3x = Exact.Fma(a3, w.X, s3x);
                s3y = Exact.Fma(a3, w.Y, s3y);
                s3z = Exact.Fma(a3, w.Z, s3z);
                s3w = Exact.Fma(a3, w.W, s3w);
            }

            bool isFirst = chunk == 0;
            t0x = isFirst ? s0x : Exact.Add(t0x, s0x);
            t0y = isFirst ? s0y : Exact.Add(t0y, s0y);
            t0z = isFirst ? s0z : Exact.Add(t0z, s0z);
            t0w = isFirst ? s0w : Exact.Add(t0w, s0w);
            t1x = isFirst ? s1x : Exact.Add(t1x, s1x);
            t1y = isFirst ? s1y : Exact.Add(t1y, s1y);
            t1z = isFirst ? s1z : Exact.Add(t1z, s1z);
            t1w = isFirst ? s1w : Exact.Add(t1w, s1w);
            t2x = isFirst ? s2x : Exact.Add(t2x, s2x);
            t2y = isFirst ? s2y : Exact.Add(t2y, s2y);
            t2z = isFirst ? s2z : Exact.Add(t2z, s2z);
            t2w = isFirst ? s2w : Exact.Add(t2w, s2w);
            t3x = isFirst ? s3x : Exact.Add(t3x, s3x);
            t3y = isFirst ? s3y : Exact.Add(t3y, s3y);
            t3z = isFirst ? s3z : Exact.Add(t3z, s3z);
            t3w = isFirst ? s3w : Exact.Add(t3w, s3w);
        }

        Store<TEpilogue>(arena, p, q.Rows, firstRow + 0, firstColumn, t0x, t0y, t0z, t0w);
        Store<TEpilogue>(arena, p, q.Rows, firstRow + 1, firstColumn, t1x, t1y, t1z, t1w);
        Store<TEpilogue>(arena, p, q.Rows, firstRow + 2, firstColumn, t2x, t2y, t2z, t2w);
        Store<TEpilogue>(arena, p, q.Rows, firstRow + 3, firstColumn, t3x, t3y, t3z, t3w);
    }

    private static void Store<TEpilogue>(ArrayView<float> arena, ContractArguments p, int rows, int row, int column, float x, float y, float z, float w)
        where TEpilogue : struct, IProgram
    {
        if (row < rows)
        {
            Store<TEpilogue>(arena, p, row, column, x);
            Store<TEpilogue>(arena, p, row, column + 1, y);
            Store<TEpilogue>(arena, p, row, column + 2, z);
            Store<TEpilogue>(arena, p, row, column + 3, w);
        }
    }

    private static void Store<TEpilogue>(ArrayView<float> arena, ContractArguments p, int row, int column, float sum)
        where TEpilogue : struct, IProgram
    {
        if (column < p.Columns)
        {
            var frame = new GpuFrame(arena, p.Slots, row, column, sum);
            arena[p.Output.At(row, column)] = TEpilogue.Evaluate<ScalarLane, float, int, GpuFrame>(in frame);
        }
    }
}

/// <summary>What the kernel of tiles needs.</summary>
/// <param name="Contract">As of the kernel of single sums.</param>
/// <param name="Rows">Rows of X.</param>
public readonly record struct ContractTileArguments(ContractArguments Contract, int Rows);
