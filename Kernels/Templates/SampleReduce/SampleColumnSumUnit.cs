using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>What the kernel needs besides its program.</summary>
public readonly record struct SampleColumnSumArguments(Operand Output, SlotTable Slots, int Columns, int Rows);

/// <summary>
/// Template <c>SampleReduce</c> over columns: y[0, c] = sum over rows b of prologue(b, c), each leaf an ascending chain of
/// additions from +0, leaves combined as <see cref="SampleTree"/> says. Bias gradients and losses.
/// </summary>
/// <remarks>Its pipeline has one item. The prologue reads arena operands over all rows.</remarks>
public sealed unsafe class SampleColumnSumUnit<TPrologue> : ConfiguredUnit
    where TPrologue : struct, IProgram
{
    private readonly Operand _output;
    private readonly ProgramBinding _prologue;
    private readonly int _columns;
    private readonly int _rows;

    public SampleColumnSumUnit(string name, int columns, int rows, Operand output, ProgramBinding prologue)
        : base(name, rowsPerItem: 1)
    {
        _columns = columns;
        _rows = rows;
        _output = output;
        _prologue = prologue;
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)_rows * _columns;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        var leaves = new float[SampleTree.LeafCount(_rows)];
        for (int column = 0; column < _columns; column++)
        {
            for (int leaf = 0; leaf < leaves.Length; leaf++)
            {
                float sum = 0f;
                int end = Math.Min(_rows, (leaf + 1) * SampleTree.LeafRows);
                for (int row = leaf * SampleTree.LeafRows; row < end; row++)
                {
                    var frame = new InterpreterFrame(memory, _prologue.Slots, row, column);
                    sum = Exact.Add(sum, TPrologue.Evaluate<ScalarLane, float, int, InterpreterFrame>(in frame));
                }

                leaves[leaf] = sum;
            }

            memory.Store(_output, 0, column, SampleTree.Combine(leaves));
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
            SumWide4(rows, strides, column, output + column);
        }

        for (; column + WideLane.WidthElements <= end; column += WideLane.WidthElements)
        {
            _prologue.Bind(in whole, 1, 0, rows, strides);
            SumWide(rows, strides, column).Store(output + column);
        }

        for (; column < end; column++)
        {
            _prologue.Bind(in whole, 1, 0, rows, strides);
            output[column] = Sum(rows, strides, column);
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(
            SampleColumnSumKernel.Run<TPrologue>, _columns, new SampleColumnSumArguments(_output, _prologue.Slots, _columns, _rows));

    /// <summary>Four times sixteen columns: a row's four cache lines come together, a third of the time of one by one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SumWide4(float** rows, nint* strides, int column, float* output)
    {
        Vector512<float>* pending = stackalloc Vector512<float>[4 * SampleTree.MaximumLevels];
        int leafCount = SampleTree.LeafCount(_rows);
        Vector512<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        for (int leaf = 0; leaf < leafCount; leaf++)
        {
            sum0 = sum1 = sum2 = sum3 = Vector512<float>.Zero;
            int count = Math.Min(SampleTree.LeafRows, _rows - leaf * SampleTree.LeafRows);
            for (int i = 0; i < count; i++)
            {
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Evaluate(float** rows, nint column)
    {
        var frame = new HostWideFrame(rows, column);
        return TPrologue.Evaluate<WideLane, Vector512<float>, Vector512<int>, HostWideFrame>(in frame);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Vector512<float> SumWide(float** rows, nint* strides, int column)
    {
        Vector512<float>* pending = stackalloc Vector512<float>[SampleTree.MaximumLevels];
        int leafCount = SampleTree.LeafCount(_rows);
        for (int leaf = 0; leaf < leafCount; leaf++)
        {
            Vector512<float> sum = Vector512<float>.Zero;
            int count = Math.Min(SampleTree.LeafRows, _rows - leaf * SampleTree.LeafRows);
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
    private float Sum(float** rows, nint* strides, int column)
    {
        float* pending = stackalloc float[SampleTree.MaximumLevels];
        int leafCount = SampleTree.LeafCount(_rows);
        for (int leaf = 0; leaf < leafCount; leaf++)
        {
            float sum = 0f;
            int count = Math.Min(SampleTree.LeafRows, _rows - leaf * SampleTree.LeafRows);
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
