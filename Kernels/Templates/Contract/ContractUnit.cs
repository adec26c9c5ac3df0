using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates.Map;

namespace RduEmu.Kernels.Templates.Contract;

/// <summary>What the contraction kernel needs besides its epilogue.</summary>
public readonly record struct ContractArguments(Operand Input, Operand PackedWeight, Operand Output, SlotTable Slots, int Columns, int Depth);

/// <summary>
/// Template <c>Contract</c>: y[r, n] = epilogue(sum over k of x[r, k] · w[n, k]); chunks of 256 in k, an FMA chain from +0 in
/// each, chunk sums added left to right; an empty sum is +0.
/// </summary>
/// <remarks>
/// x: [rows, K]; w: packed in panels of 16 columns, <c>packed[n / 16][k][n mod 16]</c>, the last panel filled up with zeros
/// (<see cref="PackUnit"/>); y: [rows, N], not one of the inputs. A gradient by the input is the same template on the
/// transposed packing.
/// </remarks>
/// <typeparam name="TEpilogue">A program whose leaf <see cref="Accumulated"/> is the sum; <see cref="Accumulated"/> itself is none.</typeparam>
public sealed unsafe class ContractUnit<TEpilogue> : ConfiguredUnit
    where TEpilogue : struct, IProgram
{
    private readonly ContractArguments _arguments;
    private readonly ProgramBinding _epilogue;
    private readonly int _operationsPerElement;
    private readonly bool _wideRegisters;

    public ContractUnit(
        string name, int rowsPerItem, int columns, int depth, Operand input, Operand packedWeight, Operand output, ProgramBinding epilogue,
        int epilogueOperations)
        : this(name, rowsPerItem, columns, depth, input, packedWeight, output, epilogue, epilogueOperations, ContractHost.HasWideRegisters)
    {
    }

    /// <param name="wideRegisters">Which micro-kernels run; a test chooses, to prove that the bits do not depend on it.</param>
    internal ContractUnit(
        string name, int rowsPerItem, int columns, int depth, Operand input, Operand packedWeight, Operand output, ProgramBinding epilogue,
        int epilogueOperations, bool wideRegisters)
        : base(name, rowsPerItem)
    {
        _arguments = new ContractArguments(input, packedWeight, output, epilogue.Slots, columns, depth);
        _epilogue = epilogue;
        _operationsPerElement = epilogueOperations;
        _wideRegisters = wideRegisters;
    }

    public override bool SplitsColumns => true;

    public override bool SplitsFinely => true;

    public override long OperationsPerItem =>
        (long)RowsPerItem * _arguments.Columns * (2L * _arguments.Depth + _operationsPerElement);

    public override void Interpret(InterpreterMemory memory, int items)
    {
        ContractArguments p = _arguments;
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            for (int column = 0; column < p.Columns; column++)
            {
                float total = 0f;
                for (int chunk = 0; chunk < p.Depth; chunk += ContractOrder.ChunkElements)
                {
                    float sum = 0f;
                    int end = Math.Min(p.Depth, chunk + ContractOrder.ChunkElements);
                    for (int k = chunk; k < end; k++)
                    {
                        float weight = memory.Float(p.PackedWeight, 0, PackedWeight.IndexElements(column, k, p.Depth));
                        sum = Exact.Fma(memory.Float(p.Input, row, k), weight, sum);
                    }

                    total = chunk == 0 ? sum : Exact.Add(total, sum);
                }

                var frame = new InterpreterFrame(memory, p.Slots, row, column, total);
                memory.Store(p.Output, row, column, TEpilogue.Evaluate<ScalarLane, float, int, InterpreterFrame>(in frame));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        int rows = tile.ItemCount * RowsPerItem;
        tile.Share(_arguments.Columns, ContractOrder.PanelColumns, out int begin, out int end);
        if (rows == 0 || begin >= end)
        {
            return;
        }

        ContractHost.Run(
            tile.Row(_arguments.Input, RowsPerItem, 0), _arguments.Input.RowStrideElements,
            tile.Whole(_arguments.PackedWeight),
            tile.Row(_arguments.Output, RowsPerItem, 0), _arguments.Output.RowStrideElements,
            rows, _arguments.Columns, _arguments.Depth,
            begin / ContractOrder.PanelColumns, PackedWeight.PanelCount(end), _wideRegisters);
        if (typeof(TEpilogue) != typeof(Accumulated))
        {
            EpilogueHost.Run<TEpilogue>(in tile, RowsPerItem, _arguments.Output, _epilogue, begin, end);
        }
    }

    public override void Launch(KernelLauncher launcher, int items)
    {
        int rows = checked(items * RowsPerItem);
        long threads = ContractTileKernel.Threads(rows, _arguments.Columns);
        if (threads >= ContractTileKernel.LeastThreads)
        {
            launcher.Launch(ContractTileKernel.Run<TEpilogue>, checked((int)threads), new ContractTileArguments(_arguments, rows));
            return;
        }

        launcher.Launch(ContractKernel.Run<TEpilogue>, checked(rows * _arguments.Columns), _arguments);
    }
}
