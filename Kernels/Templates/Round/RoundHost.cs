using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.Round;

/// <summary>
/// The host's loop of rounding, in groups of 128 elements: the program's values go to L1, one Philox block of sixteen lanes gives
/// the random bits of them all, and 256 bytes are written.
/// </summary>
internal static unsafe class RoundHost
{
    private const int GroupElements = RoundingDraw.GroupElements;

    /// <summary>Where a run of elements stands.</summary>
    private struct Place
    {
        public nint Column;
        public nint Columns;
        public int Slots;
    }

    public static void Run<TProgram>(in HostTile tile, int rowsPerItem, in RoundArguments p, ProgramBinding binding)
        where TProgram : struct, IProgram
    {
        nint columns = p.Columns;
        bool isDense = IsDense(in p, binding);
        bool isOneRun = p.RowsPerNumber == 0 && isDense;
        int runs = isOneRun ? 1 : tile.ItemCount;
        int runElements = checked((isOneRun ? tile.ItemCount : 1) * rowsPerItem * p.Columns);
        tile.Share(runElements, GroupElements, out int begin, out int end);
        if (begin >= end)
        {
            return;
        }

        float** rows = stackalloc float*[SlotTable.MaximumSlots];
        nint* strides = stackalloc nint[SlotTable.MaximumSlots];
        for (int run = 0; run < runs; run++)
        {
            long firstRow = (long)run * rowsPerItem;
            long row = firstRow + (isDense ? 0 : begin / columns);
            binding.Bind(in tile, rowsPerItem, row, rows, strides);
            var place = new Place { Columns = isDense ? nint.MaxValue : columns, Column = isDense ? begin : begin % columns, Slots = binding.Count };
            var target = (ushort*)tile.Row(p.Output, rowsPerItem, firstRow);
            long firstElement = p.RowsPerNumber == 0 ? ((long)tile.ItemBegin * rowsPerItem + firstRow) * columns : 0;
            int number = p.Stochastic == 0 ? 0 : p.RowsPerNumber == 0 ? *(int*)tile.Whole(p.Numbers) : *(int*)tile.Row(p.Numbers, 1, run);
            Elements<TProgram>(rows, strides, ref place, target, firstElement, begin, end, number, in p);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Elements<TProgram>(
        float** rows, nint* strides, ref Place place, ushort* target, long firstElement, nint begin, nint end, int number, in RoundArguments p)
        where TProgram : struct, IProgram
    {
        float* values = stackalloc float[GroupElements];
        ushort* rounded = stackalloc ushort[GroupElements];
        new Span<float>(values, GroupElements).Clear();
        for (nint e = begin; e < end;)
        {
            long element = firstElement + e;
            int inGroup = (int)(element & (GroupElements - 1));
            int count = (int)Math.Min(GroupElements - inGroup, end - e);
            Evaluate<TProgram>(rows, strides, ref place, values + inGroup, count);
            ushort* to = count == GroupElements ? target + e : rounded;
            if (p.Stochastic == 0)
            {
                RoundNearest(values, to);
            }
            else
            {
                RoundStochastically(values, to, element >> 7, number, p.Seed, p.Stream);
            }

            if (count < GroupElements)
            {
                new ReadOnlySpan<ushort>(rounded + inGroup, count).CopyTo(new Span<ushort>(target + e, count));
            }

            e += count;
        }
    }

    /// <summary>The program's next values, row after row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Evaluate<TProgram>(float** rows, nint* strides, ref Place place, float* values, int count)
        where TProgram : struct, IProgram
    {
        for (int done = 0; done < count;)
        {
            if (place.Column == place.Columns)
            {
                place.Column = 0;
                for (int slot = 0; slot < place.Slots; slot++)
                {
                    rows[slot] += strides[slot];
                }
            }

            int length = (int)Math.Min(count - done, place.Columns - place.Column);
            int i = 0;
            if (HalfLane.IsPreferred)
            {
                for (; i + HalfLane.WidthElements <= length; i += HalfLane.WidthElements)
                {
                    var frame = new HostHalfFrame(rows, place.Column + i);
                    TProgram.Evaluate<HalfLane, Vector256<float>, Vector256<int>, HostHalfFrame>(in frame).Store(values + done + i);
                }
            }

            for (; i + WideLane.WidthElements <= length; i += WideLane.WidthElements)
            {
                var frame = new HostWideFrame(rows, place.Column + i);
                TProgram.Evaluate<WideLane, Vector512<float>, Vector512<int>, HostWideFrame>(in frame).Store(values + done + i);
            }

            for (; i < length; i++)
            {
                var frame = new HostScalarFrame(rows, place.Column + i);
                values[done + i] = TProgram.Evaluate<ScalarLane, float, int, HostScalarFrame>(in frame);
            }

            place.Column += length;
            done += length;
        }
    }

    private static void RoundNearest(float* values, ushort* to)
    {
        for (int i = 0; i < GroupElements; i += WideLane.WidthElements)
        {
            BFloat16Pairs.Store(BFloat16.NearestEven<WideLane, Vector512<float>, Vector512<int>>(Vector512.Load(values + i)), to + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RoundStochastically(float* values, ushort* to, long group, int number, int seed, int stream)
    {
        // Sixteen counters from a multiple of sixteen on: the upper word is the same for all.
        long counter = group << 4;
        if (HalfLane.IsPreferred)
        {
            HalfOfLanes(values, to, counter, number, seed, stream);
            HalfOfLanes(values + HalfLane.WidthElements, to + HalfLane.WidthElements, counter + HalfLane.WidthElements, number, seed, stream);
            return;
        }

        Vector512<int> c0 = Vector512.Create((int)counter) + Vector512<int>.Indices;
        Vector512<int> c1 = Vector512.Create((int)(counter >> 32));
        Vector512<int> c2 = Vector512.Create(number);
        Vector512<int> c3 = Vector512<int>.Zero;
        Philox.Generate<WideLane, Vector512<float>, Vector512<int>>(ref c0, ref c1, ref c2, ref c3, Vector512.Create(seed), Vector512.Create(stream));
        Two(values, to, c0);
        Two(values + 32, to + 32, c1);
        Two(values + 64, to + 64, c2);
        Two(values + 96, to + 96, c3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two(float* values, ushort* to, Vector512<int> word)
    {
        BFloat16Pairs.Store(BFloat16.Stochastic<WideLane, Vector512<float>, Vector512<int>>(Vector512.Load(values), word), to);
        BFloat16Pairs.Store(BFloat16.Stochastic<WideLane, Vector512<float>, Vector512<int>>(Vector512.Load(values + 16), word >>> 16), to + 16);
    }

    /// <summary>Eight lanes of the sixteen, where registers hold eight: the same words, without vectors that have to be taken apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void HalfOfLanes(float* values, ushort* to, long counter, int number, int seed, int stream)
    {
        Vector256<int> c0 = Vector256.Create((int)counter) + Vector256<int>.Indices;
        Vector256<int> c1 = Vector256.Create((int)(counter >> 32));
        Vector256<int> c2 = Vector256.Create(number);
        Vector256<int> c3 = Vector256<int>.Zero;
        Philox.Generate<HalfLane, Vector256<float>, Vector256<int>>(ref c0, ref c1, ref c2, ref c3, Vector256.Create(seed), Vector256.Create(stream));
        TwoHalves(values, to, c0);
        TwoHalves(values + 32, to + 32, c1);
        TwoHalves(values + 64, to + 64, c2);
        TwoHalves(values + 96, to + 96, c3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TwoHalves(float* values, ushort* to, Vector256<int> word)
    {
        BFloat16Pairs.Store(BFloat16.Stochastic<HalfLane, Vector256<float>, Vector256<int>>(Vector256.Load(values), word), to);
        BFloat16Pairs.Store(BFloat16.Stochastic<HalfLane, Vector256<float>, Vector256<int>>(Vector256.Load(values + 16), word >>> 16), to + 16);
    }

    /// <summary>True if all rows of all that is read full stand without gaps, and nothing is read by row or column.</summary>
    private static bool IsDense(in RoundArguments p, ProgramBinding binding)
    {
        bool isDense = binding.ReadsOnlyFull && 2 * p.Output.RowStrideElements == p.Columns;
        for (int slot = 0; slot < binding.Count; slot++)
        {
            int stride = binding.Operands[slot].RowStrideElements;
            isDense &= binding.Accesses[slot] switch
            {
                SlotAccess.Full => stride == p.Columns,
                SlotAccess.Paired => 2 * stride == p.Columns,
                _ => true,
            };
        }

        return isDense;
    }
}
