using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>What the kernel needs.</summary>
/// <param name="Rows">Rows of dy and x, over all samples.</param>
/// <param name="GroupRows">Rows of a group of <see cref="SampleTree"/>.</param>
public readonly record struct SampleContractArguments(Operand OutputGradient, Operand Input, Operand Output, int Columns, int Rows, int GroupRows);

/// <summary>
/// Template <c>SampleReduce</c> of products, a weight gradient: dw[n, k] = sum over rows r of dy[r, n] · x[r, k], an FMA chain
/// from +0 over the rows of each leaf, leaves combined as <see cref="SampleTree"/> says.
/// </summary>
/// <remarks>
/// dy: [R, N], x: [R, K], both in the arena over all rows of all samples, each in words or in pairs of bf16; its items are the rows n
/// of dw.
/// </remarks>
public sealed unsafe class SampleContractUnit : ConfiguredUnit
{
    /// <summary>Rows that a worker takes at once: the height of the widest register tile.</summary>
    private const int RowsPerShare = 12;

    private readonly SampleContractArguments _arguments;
    private readonly long _scratchOffsetElements;
    private readonly bool _wideRegisters;

    /// <param name="rows">Rows of dy and x, over all samples.</param>
    /// <param name="rowsPerSample">Rows of each sample.</param>
    /// <param name="scratchOffsetElements">Where in the worker's scratch its <see cref="ScratchElements"/> words begin.</param>
    /// <param name="groupSamples">Samples of a group of <see cref="SampleTree"/>; 0 for its rule.</param>
    public SampleContractUnit(
        string name, int columns, int rows, int rowsPerSample, Operand outputGradient, Operand input, Operand output, long scratchOffsetElements,
        int groupSamples = 0)
        : this(name, columns, rows, rowsPerSample, outputGradient, input, output, scratchOffsetElements, SampleContractHost.HasWideRegisters, groupSamples)
    {
    }

    internal SampleContractUnit(
        string name, int columns, int rows, int rowsPerSample, Operand outputGradient, Operand input, Operand output, long scratchOffsetElements, bool wideRegisters,
        int groupSamples = 0)
        : base(name, rowsPerItem: 1)
    {
        _arguments = new SampleContractArguments(outputGradient, input, output, columns, rows, SampleTree.GroupRows(rowsPerSample, groupSamples));
        _scratchOffsetElements = scratchOffsetElements;
        _wideRegisters = wideRegisters;
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => 2L * _arguments.Rows * _arguments.Columns;

    /// <summary>Words of scratch that the host needs for a tile of so many rows of dw.</summary>
    /// <param name="rows">Rows of dy and x, over all samples.</param>
    /// <param name="groupRows">Rows of a group of <see cref="SampleTree"/>.</param>
    /// <param name="tileRows">Rows of dw.</param>
    /// <param name="columns">Columns of dw.</param>
    public static long ScratchElements(int rows, int groupRows, int tileRows, int columns) =>
        SampleContractHost.ScratchElements(rows, groupRows, tileRows, columns);

    public override void Interpret(InterpreterMemory memory, int items)
    {
        SampleContractArguments p = _arguments;
        for (int n = 0; n < items; n++)
        {
            for (int k = 0; k < p.Columns; k++)
            {
                var groups = new List<float>();
                for (int group = 0; group < p.Rows; group += p.GroupRows)
                {
                    int groupEnd = Math.Min(p.Rows, group + p.GroupRows);
                    var leaves = new List<float>();
                    for (int leaf = group; leaf < groupEnd; leaf += SampleTree.LeafRows)
                    {
                        float sum = 0f;
                        int end = Math.Min(groupEnd, leaf + SampleTree.LeafRows);
                        for (int row = leaf; row < end; row++)
                        {
                            sum = Exact.Fma(memory.Float(p.OutputGradient, row, n), memory.Float(p.Input, row, k), sum);
                        }

                        leaves.Add(sum);
                    }

                    groups.Add(SampleTree.Combine(leaves.ToArray()));
                }

                memory.Store(p.Output, n, k, SampleTree.Combine(groups.ToArray()));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        // Workers that share a tile take rows of it, not columns: each packs the gradients of its rows in scratch of its own.
        tile.Share(tile.ItemCount, RowsPerShare, out int begin, out int end);
        if (begin >= end || _arguments.Columns == 0)
        {
            return;
        }

        long scratchOfRow = ScratchElements(_arguments.Rows, _arguments.GroupRows, 1, _arguments.Columns);
        SampleContractHost.Run(
            new SampleRows(in tile, _arguments.OutputGradient).FromColumn(tile.ItemBegin + begin), new SampleRows(in tile, _arguments.Input),
            tile.Row(_arguments.Output, 1, begin), _arguments.Output.RowStrideElements,
            _arguments.Rows, _arguments.GroupRows, end - begin, _arguments.Columns, 0, _arguments.Columns,
            (float*)tile.Scratch + _scratchOffsetElements + begin * scratchOfRow, _wideRegisters);
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(SampleContractKernel.Run, checked(items * _arguments.Columns), _arguments);
}
