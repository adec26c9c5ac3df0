using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>What a strided reduction needs besides its programs.</summary>
public readonly record struct StridedReduceArguments(
    NdOperand Output, NdSlots Prologue, NdSlots Epilogue, NdShape Kept, NdShape Combined, int KeptCount, int ReducedCount);

/// <summary>
/// Template <c>StridedReduce</c>: out[o] = epilogue(o) whose template value is the reduction of prologue(o, r) over all r, the
/// reduced axes flattened in row-major order: element r to lane r mod 16 in ascending order, then the tree of <see cref="RowOrder"/>.
/// Any axes of N-d operands may be reduced; over the last axis of dense rows it has the bits of a <c>RowReduce</c>.
/// </summary>
/// <typeparam name="TReduction">What is computed of the elements.</typeparam>
/// <typeparam name="TPrologue">The elements; its slots are read as <c>Full</c>.</typeparam>
/// <typeparam name="TEpilogue">What becomes of the result; <see cref="Accumulated"/> for nothing.</typeparam>
public sealed unsafe class StridedReduceUnit<TReduction, TPrologue, TEpilogue> : ConfiguredUnit
    where TReduction : struct, IRowReduction
    where TPrologue : struct, IProgram
    where TEpilogue : struct, IProgram
{
    private readonly ReduceLoops _loops;
    private readonly int _inputs;
    private readonly int _operationsPerElement;
    private readonly StridedReduceArguments _arguments;
    private readonly bool _vertical;

    /// <param name="kept">Extents of the kept axes of one item.</param>
    /// <param name="reduced">Extents of the reduced axes.</param>
    /// <param name="output">Over the kept axes.</param>
    /// <param name="prologue">Over the kept and then the reduced axes, for each slot.</param>
    /// <param name="epilogue">Over the kept axes, for each slot.</param>
    /// <param name="operationsPerElement">Operations of the prologue and of one accumulation.</param>
    public StridedReduceUnit(
        string name, int[] kept, int[] reduced, NdOperand output, NdOperand[] prologue, NdOperand[] epilogue, int operationsPerElement)
        : base(name, rowsPerItem: 1)
    {
        _loops = new ReduceLoops(kept, reduced, [output, .. epilogue], prologue);
        _inputs = prologue.Length;
        _operationsPerElement = operationsPerElement;
        ReadOnlySpan<NdOperand> outer = _loops.Kept.Operands;
        _arguments = new StridedReduceArguments(
            outer[0], NdSlots.From(_loops.Elements), NdSlots.From(outer[1.._loops.OutputCount]), _loops.Kept.Shape, _loops.Combined,
            _loops.KeptCount, _loops.ReducedCount);
        _vertical = _loops.Kept.Inner >= WideLane.WidthElements && _loops.Reduced.InnerStride(0) != 1 && AllKeptInner(0, 1);
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)_loops.KeptCount * _loops.ReducedCount * _operationsPerElement;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        StridedReduceArguments p = _arguments;
        Span<float> lanes = stackalloc float[RowOrder.Lanes];
        for (int item = 0; item < items; item++)
        {
            for (int o = 0; o < p.KeptCount; o++)
            {
                lanes.Fill(TReduction.Identity);
                for (int r = 0; r < p.ReducedCount; r++)
                {
                    var frame = new NdInterpreterFrame(memory, p.Prologue, item, NdIndex.Of(p.Combined, o * p.ReducedCount + r));
                    float x = TPrologue.Evaluate<ScalarLane, float, int, NdInterpreterFrame>(in frame);
                    lanes[r % RowOrder.Lanes] = TReduction.Accumulate<ScalarLane, float, int>(lanes[r % RowOrder.Lanes], x);
                }

                float result = TReduction.Finish(RowOrder.Tree<TReduction>(lanes), p.ReducedCount);
                NdIndex index = NdIndex.Of(p.Kept, o);
                var last = new NdInterpreterFrame(memory, p.Epilogue, item, index, result);
                memory.Store(p.Output, item, index, TEpilogue.Evaluate<ScalarLane, float, int, NdInterpreterFrame>(in last));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        NdLoop kept = _loops.Kept;
        tile.Share(tile.ItemCount * kept.CountElements, NdLoop.ShareGranule, out long begin, out long end);
        if (begin >= end)
        {
            return;
        }

        int operands = kept.Operands.Length;
        Span<int> index = stackalloc int[NdShape.MaximumRank];
        Span<nint> addresses = stackalloc nint[operands];
        float* buffers = stackalloc float[Math.Max(1, _inputs) * StridedRow.BlockElements];
        float* results = stackalloc float[WideLane.WidthElements];
        var walk = new NdWalk(kept, in tile, begin / kept.Inner, index, addresses);
        int column = (int)(begin % kept.Inner);
        for (long left = end - begin; left > 0; walk.Next())
        {
            int stop = column + (int)Math.Min(left, kept.Inner - column);
            left -= stop - column;
            while (column < stop)
            {
                int count = 1;
                if (_vertical && column + WideLane.WidthElements <= stop)
                {
                    count = WideLane.WidthElements;
                    Columns(ref walk, column, results);
                }
                else
                {
                    *results = Element(ref walk, column, buffers);
                }

                for (int i = 0; i < count; i++)
                {
                    Finish(ref walk, column + i, results[i]);
                }

                column += count;
            }

            column = 0;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(StridedReduceKernel.Run<TReduction, TPrologue, TEpilogue>, checked(items * _arguments.KeptCount), _arguments);

    private bool AllKeptInner(int repeated, int dense)
    {
        for (int i = 0; i < _inputs; i++)
        {
            int stride = _loops.Kept.InnerStride(_loops.OutputCount + i);
            if (stride != dense && (i == 0 || stride != repeated))
            {
                return false;
            }
        }

        return _inputs > 0;
    }

    private void Finish(ref NdWalk walk, int column, float total)
    {
        float** rows = stackalloc float*[NdSlots.MaximumSlots];
        for (int slot = 1; slot < _loops.OutputCount; slot++)
        {
            rows[slot - 1] = walk.Address(slot) + (nint)column * _loops.Kept.InnerStride(slot);
        }

        var frame = new HostScalarFrame(rows, 0, TReduction.Finish(total, _arguments.ReducedCount));
        walk.Address(0)[(nint)column * _loops.Kept.InnerStride(0)] = TEpilogue.Evaluate<ScalarLane, float, int, HostScalarFrame>(in frame);
    }

    /// <summary>One output: its elements in dense pieces of a multiple of sixteen, sixteen at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Element(ref NdWalk walk, int column, float* buffers)
    {
        float** first = stackalloc float*[NdSlots.MaximumSlots];
        float** rows = stackalloc float*[NdSlots.MaximumSlots];
        float* lanes = stackalloc float[RowOrder.Lanes];
        Span<int> index = stackalloc int[NdShape.MaximumRank];
        for (int i = 0; i < _inputs; i++)
        {
            int operand = _loops.OutputCount + i;
            first[i] = walk.Address(operand) + (nint)column * _loops.Kept.InnerStride(operand);
        }

        var elements = new ReducedElements(_loops.Reduced, index);
        Vector512<float> wide = Vector512.Create(TReduction.Identity);
        wide.Store(lanes);
        for (int done = 0; done < _loops.ReducedCount;)
        {
            int count = Math.Min(StridedRow.BlockElements, _loops.ReducedCount - done);
            elements.Read(count, first, rows, buffers);
            nint at = 0;
            for (; at + RowOrder.Lanes <= count; at += RowOrder.Lanes)
            {
                var frame = new HostWideFrame(rows, at);
                Vector512<float> x = TPrologue.Evaluate<WideLane, Vector512<float>, Vector512<int>, HostWideFrame>(in frame);
                wide = TReduction.Accumulate<WideLane, Vector512<float>, Vector512<int>>(wide, x);
            }

            wide.Store(lanes);
            for (int lane = 0; at < count; lane++, at++)
            {
                var frame = new HostScalarFrame(rows, at);
                float x = TPrologue.Evaluate<ScalarLane, float, int, HostScalarFrame>(in frame);
                lanes[lane] = TReduction.Accumulate<ScalarLane, float, int>(lanes[lane], x);
            }

            done += count;
        }

        return RowOrder.Tree<TReduction>(new Span<float>(lanes, RowOrder.Lanes));
    }

    /// <summary>Sixteen neighbouring outputs, each with sixteen lanes of its own: the elements are read along the kept axis.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Columns(ref NdWalk walk, int column, float* results)
    {
        float** rows = stackalloc float*[NdSlots.MaximumSlots];
        float* lanes = stackalloc float[RowOrder.Lanes * WideLane.WidthElements];
        float* repeated = stackalloc float[NdSlots.MaximumSlots * WideLane.WidthElements];
        Span<int> index = stackalloc int[NdShape.MaximumRank];
        var elements = new ReducedElements(_loops.Reduced, index);
        Vector512<float> identity = Vector512.Create(TReduction.Identity);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            identity.Store(lanes + lane * WideLane.WidthElements);
        }

        for (int r = 0; r < _loops.ReducedCount; r++)
        {
            for (int i = 0; i < _inputs; i++)
            {
                int operand = _loops.OutputCount + i;
                float* source = walk.Address(operand) + elements.Position(i);
                rows[i] = source + column;
                if (_loops.Kept.InnerStride(operand) == 0)
                {
                    rows[i] = repeated + i * WideLane.WidthElements;
                    Vector512.Create(*source).Store(rows[i]);
                }
            }

            var frame = new HostWideFrame(rows, 0);
            Vector512<float> x = TPrologue.Evaluate<WideLane, Vector512<float>, Vector512<int>, HostWideFrame>(in frame);
            float* lane = lanes + r % RowOrder.Lanes * WideLane.WidthElements;
            TReduction.Accumulate<WideLane, Vector512<float>, Vector512<int>>(Vector512.Load(lane), x).Store(lane);
            elements.Skip(1);
        }

        for (int half = RowOrder.Lanes / 2; half > 0; half /= 2)
        {
            for (int lane = 0; lane < half; lane++)
            {
                float* lower = lanes + lane * WideLane.WidthElements;
                float* upper = lower + half * WideLane.WidthElements;
                TReduction.CombineRows<WideLane, Vector512<float>, Vector512<int>>(Vector512.Load(lower), Vector512.Load(upper)).Store(lower);
            }
        }

        Vector512.Load(lanes).Store(results);
    }
}

/// <summary>Strided reductions on a device: one thread for each output.</summary>
public static class StridedReduceKernel
{
    public static MethodInfo Method(Type reduction, Type prologue, Type epilogue) =>
        typeof(StridedReduceKernel).GetMethod(nameof(Run))!.MakeGenericMethod(reduction, prologue, epilogue);

    public static void Run<TReduction, TPrologue, TEpilogue>(
        Index1D thread, ArrayView<float> arena, ArrayView<int> words, StridedReduceArguments p)
        where TReduction : struct, IRowReduction
        where TPrologue : struct, IProgram
        where TEpilogue : struct, IProgram
    {
        int item = thread / p.KeptCount;
        int o = thread - item * p.KeptCount;
        ArrayView<float> lanes = LocalMemory.Allocate<float>(RowOrder.Lanes);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            lanes[lane] = TReduction.Identity;
        }

        for (int r = 0; r < p.ReducedCount; r += RowOrder.Lanes)
        {
            for (int lane = 0; lane < RowOrder.Lanes; lane++)
            {
                if (r + lane < p.ReducedCount)
                {
                    var frame = new NdGpuFrame(arena, p.Prologue, item, NdIndex.Of(p.Combined, o * p.ReducedCount + r + lane), 0f);
                    float x = TPrologue.Evaluate<ScalarLane, float, int, NdGpuFrame>(in frame);
                    lanes[lane] = TReduction.Accumulate<ScalarLane, float, int>(lanes[lane], x);
                }
            }
        }

        for (int half = RowOrder.Lanes / 2; half > 0; half /= 2)
        {
            for (int lane = 0; lane < half; lane++)
            {
                lanes[lane] = TReduction.Combine(lanes[lane], lanes[lane + half]);
            }
        }

        float result = TReduction.Finish(lanes[0], p.ReducedCount);
        NdIndex index = NdIndex.Of(p.Kept, o);
        var last = new NdGpuFrame(arena, p.Epilogue, item, index, result);
        arena[p.Output.At(item, in index)] = TEpilogue.Evaluate<ScalarLane, float, int, NdGpuFrame>(in last);
    }
}
