using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.RowReduce;

/// <summary>What the kernel needs besides its programs.</summary>
public readonly record struct RowReduceArguments(Operand Output, SlotTable PrologueSlots, SlotTable EpilogueSlots, int Columns);

/// <summary>
/// Template <c>RowReduce</c>: y[r, 0] = epilogue(r, 0) with the reduction of prologue(r, c) over all columns c as its template
/// value, in the order of <see cref="RowOrder"/>. Sums, means and maxima of softmax and the norms.
/// </summary>
/// <remarks>
/// A prologue reads any of its columns, an epilogue column 0 only: of <c>Full</c> operands as of <c>PerRow</c> ones. Workers that
/// share a tile take whole rows of it, because a row's lanes are one worker's.
/// </remarks>
/// <typeparam name="TReduction">What is computed of the elements.</typeparam>
/// <typeparam name="TPrologue">The elements.</typeparam>
/// <typeparam name="TEpilogue">What becomes of the result; <see cref="Accumulated"/> for nothing.</typeparam>
public sealed unsafe class RowReduceUnit<TReduction, TPrologue, TEpilogue> : ConfiguredUnit
    where TReduction : struct, IRowReduction
    where TPrologue : struct, IProgram
    where TEpilogue : struct, IProgram
{
    /// <summary>Rows that a worker takes at once: their results share a cache line.</summary>
    private const int RowsPerShare = 16;

    private readonly Operand _output;
    private readonly ProgramBinding _prologue;
    private readonly ProgramBinding _epilogue;
    private readonly int _columns;
    private readonly int _operationsPerElement;

    /// <param name="name">For people.</param>
    /// <param name="rowsPerItem">Rows of the operands for each item.</param>
    /// <param name="columns">Elements of a row; none are allowed.</param>
    /// <param name="output">One element for each row, in column 0.</param>
    /// <param name="prologue">Inputs of the elements' program.</param>
    /// <param name="epilogue">Inputs of the result's program.</param>
    /// <param name="operationsPerElement">Operations of the prologue and of one accumulation.</param>
    public RowReduceUnit(
        string name, int rowsPerItem, int columns, Operand output, ProgramBinding prologue, ProgramBinding epilogue, int operationsPerElement = 1)
        : base(name, rowsPerItem)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        _output = output;
        _prologue = prologue;
        _epilogue = epilogue;
        _columns = columns;
        _operationsPerElement = operationsPerElement;
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)RowsPerItem * _columns * _operationsPerElement;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        Span<float> lanes = stackalloc float[RowOrder.Lanes];
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            lanes.Fill(TReduction.Identity);
            for (int column = 0; column < _columns; column++)
            {
                var frame = new InterpreterFrame(memory, _prologue.Slots, row, column);
                float x = TPrologue.Evaluate<ScalarLane, float, int, InterpreterFrame>(in frame);
                lanes[column % RowOrder.Lanes] = TReduction.Accumulate<ScalarLane, float, int>(lanes[column % RowOrder.Lanes], x);
            }

            float result = TReduction.Finish(RowOrder.Tree<TReduction>(lanes), _columns);
            var last = new InterpreterFrame(memory, _epilogue.Slots, row, 0, result);
            memory.Store(_output, row, 0, TEpilogue.Evaluate<ScalarLane, float, int, InterpreterFrame>(in last));
        }
    }

    public override void Run(in HostTile tile)
    {
        tile.Share(checked(tile.ItemCount * RowsPerItem), RowsPerShare, out int begin, out int end);
        float** rows = stackalloc float*[SlotTable.MaximumSlots];
        nint* strides = stackalloc nint[SlotTable.MaximumSlots];
        float** lastRows = stackalloc float*[SlotTable.MaximumSlots];
        nint* lastStrides = stackalloc nint[SlotTable.MaximumSlots];
        _prologue.Bind(in tile, RowsPerItem, begin, rows, strides);
        _epilogue.Bind(in tile, RowsPerItem, begin, lastRows, lastStrides);
        float* output = tile.Row(_output, RowsPerItem, begin);
        for (int row = begin; row < end; row++)
        {
            float result = TReduction.Finish(Row(rows, _columns), _columns);
            var last = new HostScalarFrame(lastRows, 0, result);
            *output = TEpilogue.Evaluate<ScalarLane, float, int, HostScalarFrame>(in last);
            output += _output.RowStrideElements;
            for (int slot = 0; slot < _prologue.Count; slot++)
            {
                rows[slot] += strides[slot];
            }

            for (int slot = 0; slot < _epilogue.Count; slot++)
            {
                lastRows[slot] += lastStrides[slot];
            }
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(
            RowReduceKernel.Run<TReduction, TPrologue, TEpilogue>,
            checked(items * RowsPerItem),
            new RowReduceArguments(_output, _prologue.Slots, _epilogue.Slots, _columns));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Row(float** rows, int columns)
    {
        Vector512<float> wide = Vector512.Create(TReduction.Identity);
        nint column = 0;
        for (; column + RowOrder.Lanes <= columns; column += RowOrder.Lanes)
        {
            var frame = new HostWideFrame(rows, column);
            Vector512<float> x = TPrologue.Evaluate<WideLane, Vector512<float>, Vector512<int>, HostWideFrame>(in frame);
            wide = TReduction.Accumulate<WideLane, Vector512<float>, Vector512<int>>(wide, x);
        }

        float* lanes = stackalloc float[RowOrder.Lanes];
        wide.Store(lanes);
        for (int lane = 0; column < columns; lane++, column++)
        {
            var frame = new HostScalarFrame(rows, column);
            float x = TPrologue.Evaluate<ScalarLane, float, int, HostScalarFrame>(in frame);
            lanes[lane] = TReduction.Accumulate<ScalarLane, float, int>(lanes[lane], x);
        }

        return RowOrder.Tree<TReduction>(new Span<float>(lanes, RowOrder.Lanes));
    }
}
