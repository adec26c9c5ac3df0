using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>What the kernel needs besides its program.</summary>
/// <param name="Rows">Rows over all samples.</param>
/// <param name="GroupRows">Rows of a group of <see cref="SampleTree"/>.</param>
public readonly record struct SampleColumnSumArguments(Operand Output, SlotTable Slots, int Columns, int Rows, int GroupRows);

/// <summary>
/// Template <c>SampleReduce</c> over columns: y[0, c] = sum over rows r of prologue(r, c), each leaf an ascending chain of
/// additions from +0, leaves combined as <see cref="SampleTree"/> says. Bias gradients and losses.
/// </summary>
/// <remarks>Its pipeline has one item. The prologue reads arena operands over all rows.</remarks>
public sealed unsafe class SampleColumnSumUnit<TPrologue> : ConfiguredUnit
    where TPrologue : struct, IProgram
{
    private const int PrefetchRows = 8;

    private readonly Operand _output;
    private readonly ProgramBinding _prologue;
    private readonly int _columns;
    private readonly int _rows;
    private readonly int _groupRows;

    /// <param name="rows">Rows over all samples.</param>
    /// <param name="rowsPerSample">Rows of each sample.</param>
    /// <param name="groupSamples">Samples of a group of <see cref="SampleTree"/>; 0 for its rule.</param>
    public SampleColumnSumUnit(string name, int columns, int rows, int rowsPerSample, Operand output, ProgramBinding prologue, int groupSamples = 0)
        : base(name, rowsPerItem: 1)
    {
        _groupRows = SampleTree.GroupRows(rowsPerSample, groupSamples);
        _columns = columns;
        _rows = rows;
        _output = output;
        _prologue = prologue;
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)_rows * _columns;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        for (int column = 0; column < _columns; column++)
        {
            var groups = new List<float>();
            for (int group = 0; group < _rows; group += _groupRows)
            {
                int groupEnd = Math.Min(_rows, group + _groupRows);
                var leaves = new List<float>();
                for (int leaf = group; leaf < groupEnd; leaf += SampleTree.LeafRows)
                {
                    float sum = 0f;
                    int end = Math.Min(groupEnd, leaf + SampleTree.LeafRows);
                    for (int row = leaf; row < end; row++)
                    {
                        var frame = new InterpreterFrame(memory, _prologue.Slots, row, column);
                        sum = Exact.Add(sum, TPrologue.Evaluate<ScalarLane, float, int, InterpreterFrame>(in frame));
                    }

                    leaves.Add(sum);
                }

                groups.Add(SampleTree.Combine(leaves.ToArray()));
            }

            memory.Store(_output, 0, column, SampleTree.Combine(groups.ToArray()));
        }
    }

    public override void Run(in HostTile tile)
    {
        float** rows = stackalloc float*[SlotTable.MaximumSlots];
        nint* strides = stackalloc nint[SlotTable.MaximumSlots];
        var whole = new HostTile(tile.Arena, tile.Scratch, 0, _rows);
        tile.Share(_columns, WideLane.WidthElements, out int begin, out int end);
        float* output = tile.Row(_output, 1, 0);
        int column = begin;
        for (; column + 4 * WideLane.WidthElements <= end; column += 4 * WideLane.WidthElements)
        {
            _prologue.Bind(in whole, 1, 0, rows, strides);
            Groups(rows, strides, column, 4 * WideLane.WidthElements, output + column);
        }

        for (; column + WideLane.WidthElements <= end; column += WideLane.WidthElements)
        {
            _prologue.Bind(in whole, 1, 0, rows, strides);
            Groups(rows, strides, column, WideLane.WidthElements, output + column);
        }

        for (; column < end; column++)
        {
            _prologue.Bind(in whole, 1, 0, rows, strides);
            Groups(rows, strides, column, 1, output + column);
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(
            SampleColumnSumKernel.Run<TPrologue>, _columns, new SampleColumnSumArguments(_output, _prologue.Slots, _columns, _rows, _groupRows));

    /// <summary>The sums of 64, 16 or one column, group by group where groups are no subtrees of one tree.</summary>
    private void Groups(float** rows, nint* strides, int column, int width, float* output)
    {
        if (SampleTree.IsFlat(_groupRows) || _rows <= _groupRows)
        {
            Leaves(rows, strides, column, width, _rows, output);
            return;
        }

        float* pending = stackalloc float[SampleTree.MaximumLevels * 4 * WideLane.WidthElements];
        float* sum = stackalloc float[4 * WideLane.WidthElements];
        int groups = (_rows + _groupRows - 1) / _groupRows;
        for (int group = 0; group < groups; group++)
        {
            Leaves(rows, strides, column, width, Math.Min(_groupRows, _rows - group * _groupRows), sum);
            int mask = SampleContractMicroKernels.MergeMask(group, group == groups - 1);
            for (int level = 0; mask >> level != 0; level++)
            {
                if ((mask >> level & 1) != 0)
                {
                    for (int i = 0; i < width; i++)
                    {
                        sum[i] = pending[level * width + i] + sum[i];
                    }
                }
            }

            float* target = group == groups - 1 ? output : pending + BitOperations.PopCount((uint)mask) * width;
            new ReadOnlySpan<float>(sum, width).CopyTo(new Span<float>(target, width));
        }
    }

    /// <summary>The sums of one group, or of all rows where its tree is the whole one; the rows move on.</summary>
    private void Leaves(float** rows, nint* strides, int column, int width, int rowCount, float* output)
    {
        if (width == 1)
        {
            *output = Sum(rows, strides, column, rowCount);
        }
        else if (width == WideLane.WidthElements)
        {
            SumWide(rows, strides, column, rowCount).Store(output);
        }
        else
        {
            SumWide4(rows, strides, column, rowCount, output);
        }
    }

    /// <summary>Four times sixteen columns: a row's four cache lines come together, a third of the time of one by one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SumWide4(float** rows, nint* strides, int column, int rowCount, float* output)
    {
        Vector512<float>* pending = stackalloc Vector512<float>[4 * SampleTree.MaximumLevels];
        int leafCount = SampleTree.LeafCount(rowCount);
        Vector512<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        for (int leaf = 0; leaf < leafCount; leaf++)
        {
            sum0 = sum1 = sum2 = sum3 = Vector512<float>.Zero;
            int count = Math.Min(SampleTree.LeafRows, rowCount - leaf * SampleTree.LeafRows);
            for (int i = 0; i < count; i++)
            {
                Prefetch(rows[0] + PrefetchRows * strides[0] + column);
                sum0 += Evaluate(rows, column);
                sum1 += Evaluate(rows, column + WideLane.WidthElements);
                sum2 += Evaluate(rows, column + 2 * WideLane.WidthElements);
                sum3 += Evaluate(rows, column + 3 * WideLane.WidthElements);
                Advance(rows, strides);
            }

            // The last leaf merges all that pends, lowest level first; any other what its trailing ones say.
            bool last = leaf == leafCount - 1;
            int mask = SampleContractMicroKernels.MergeMask(leaf, last);
            for (int level = 0; mask >> level != 0; level++)
            {
                if ((mask >> level & 1) != 0)
                {
                    Vector512<float>* p = pending + 4 * level;
                    sum0 = p[0] + sum0;
                    sum1 = p[1] + sum1;
                    sum2 = p[2] + sum2;
                    sum3 = p[3] + sum3;
                }
            }

            Vector512<float>* target = pending + 4 * BitOperations.PopCount((uint)mask);
            target[0] = sum0;
            target[1] = sum1;
            target[2] = sum2;
            target[3] = sum3;
        }

        sum0.Store(output);
        sum1.Store(output + WideLane.WidthElements);
        sum2.Store(output + 2 * WideLane.WidthElements);
        sum3.Store(output + 3 * WideLane.WidthElements);
    }

    /// <summary>Four lines of a row to come: rows may lie far apart, and then no hardware fetches ahead.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(float* ahead)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(ahead);
            Sse.Prefetch0(ahead + WideLane.WidthElements);
            Sse.Prefetch0(ahead + 2 * WideLane.WidthElements);
            Sse.Prefetch0(ahead + 3 * WideLane.WidthElements);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Evaluate(float** rows, nint column)
    {
        var frame = new HostWideFrame(rows, column);
        return TPrologue.Evaluate<WideLane, Vector512<float>, Vector512<int>, HostWideFrame>(in frame);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Vector512<float> SumWide(float** rows, nint* strides, int column, int rowCount)
    {
        Vector512<float>* pending = stackalloc Vector512<float>[SampleTree.MaximumLevels];
        int leafCount = SampleTree.LeafCount(rowCount);
        for (int leaf = 0; leaf < leafCount; leaf++)
        {
            Vector512<float> sum = Vector512<float>.Zero;
            int count = Math.Min(SampleTree.LeafRows, rowCount - leaf * SampleTree.LeafRows);
            for (int i = 0; i < count; i++)
            {
                var frame = new HostWideFrame(rows, column);
                sum += TPrologue.Evaluate<WideLane, Vector512<float>, Vector512<int>, HostWideFrame>(in frame);
                Advance(rows, strides);
            }

            int level = 0;
            for (; (leaf >> level & 1) != 0; level++)
            {
                sum = pending[level] + sum;
            }

            pending[level] = sum;
        }

        if (leafCount == 0)
        {
            return Vector512<float>.Zero;
        }

        int lowest = BitOperations.TrailingZeroCount(leafCount);
        Vector512<float> total = pending[lowest];
        for (int level = lowest + 1; leafCount >> level != 0; level++)
        {
            if ((leafCount >> level & 1) != 0)
            {
                total = pending[level] + total;
            }
        }

        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Sum(float** rows, nint* strides, int column, int rowCount)
    {
        float* pending = stackalloc float[SampleTree.MaximumLevels];
        int leafCount = SampleTree.LeafCount(rowCount);
        for (int leaf = 0; leaf < leafCount; leaf++)
        {
            float sum = 0f;
            int count = Math.Min(SampleTree.LeafRows, rowCount - leaf * SampleTree.LeafRows);
            for (int i = 0; i < count; i++)
            {
                var frame = new HostScalarFrame(rows, column);
                sum += TPrologue.Evaluate<ScalarLane, float, int, HostScalarFrame>(in frame);
                Advance(rows, strides);
            }

            int level = 0;
            for (; (leaf >> level & 1) != 0; level++)
            {
                sum = pending[level] + sum;
            }

            pending[level] = sum;
        }

        if (leafCount == 0)
        {
            return 0f;
        }

        int lowest = BitOperations.TrailingZeroCount(leafCount);
        float total = pending[lowest];
        for (int level = lowest + 1; leafCount >> level != 0; level++)
        {
            if ((leafCount >> level & 1) != 0)
            {
                total = pending[level] + total;
            }
        }

        return total;
    }

    private void Advance(float** rows, nint* strides)
    {
        for (int slot = 0; slot < _prologue.Count; slot++)
        {
            rows[slot] += strides[slot];
        }
    }
}
