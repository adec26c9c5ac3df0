using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.BatchContract;

/// <summary>What the kernel needs; the strides walk matrices that lie in a sample's words.</summary>
/// <param name="RowStrideA">Words from A[i, k] to A[i + 1, k].</param>
/// <param name="DepthStrideA">Words from A[i, k] to A[i, k + 1].</param>
/// <param name="ColumnStrideB">Words from B[k, j] to B[k, j + 1].</param>
/// <param name="DepthStrideB">Words from B[k, j] to B[k + 1, j].</param>
/// <param name="RowStrideC">Words from C[i, j] to C[i + 1, j]; its columns follow each other.</param>
/// <param name="Heads">Pairs of matrices in a sample.</param>
/// <param name="HeadStrideA">Words from the first pair's A to the second's; B and C alike.</param>
public readonly record struct BatchContractArguments(
    Operand A, Operand B, Operand Output, int Rows, int Columns, int Depth, int RowStrideA, int DepthStrideA, int ColumnStrideB, int DepthStrideB,
    int RowStrideC, int Heads, int HeadStrideA, int HeadStrideB, int HeadStrideC);

/// <summary>
/// Template <c>Contract</c> for pairs of matrices in each sample: C[i, j] = sum over k of A[i, k] · B[k, j], chunks of 256 in k, an
/// FMA chain from +0 in each, added left to right. An operand's row is a sample; where in it the matrices lie is said by strides,
/// so that the heads of an attention are used where they stand, between each other.
/// </summary>
/// <remarks>
/// One pair: A is [M, K] or, transposed, [K, M]; B is [K, N] or, transposed, [N, K]; C is [M, N]; each flattened in its row.
/// Workers that share a tile take whole heads of it.
/// </remarks>
public sealed unsafe class BatchContractUnit : ConfiguredUnit
{
    /// <summary>The largest B, in words, that is copied into panels on the stack (64 KB).</summary>
    private const int MaximumPanelElements = 16 * 1024;

    private readonly BatchContractArguments _arguments;

    public BatchContractUnit(
        string name, int rows, int columns, int depth, bool transposeA, bool transposeB, Operand a, Operand b, Operand output)
        : base(name, rowsPerItem: 1)
    {
        _arguments = new BatchContractArguments(
            a, b, output, rows, columns, depth,
            RowStrideA: transposeA ? 1 : depth,
            DepthStrideA: transposeA ? rows : 1,
            ColumnStrideB: transposeB ? depth : 1,
            DepthStrideB: transposeB ? 1 : columns,
            RowStrideC: columns, Heads: 1, HeadStrideA: 0, HeadStrideB: 0, HeadStrideC: 0);
    }

    /// <summary>A unit for any strides.</summary>
    public BatchContractUnit(string name, BatchContractArguments arguments)
        : base(name, rowsPerItem: 1) => _arguments = arguments;

    public override bool SplitsColumns => _arguments.Heads > 1;

    public override bool SplitsFinely => true;

    public override long OperationsPerItem => 2L * _arguments.Heads * _arguments.Rows * _arguments.Columns * _arguments.Depth;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        BatchContractArguments p = _arguments;
        for (int matrix = 0; matrix < items * p.Heads; matrix++)
        {
            int sample = matrix / p.Heads;
            int head = matrix % p.Heads;
            for (int i = 0; i < p.Rows; i++)
            {
                for (int j = 0; j < p.Columns; j++)
                {
                    float total = 0f;
                    for (int chunk = 0; chunk < p.Depth; chunk += ContractOrder.ChunkElements)
                    {
                        float sum = 0f;
                        int end = Math.Min(p.Depth, chunk + ContractOrder.ChunkElements);
                        for (int k = chunk; k < end; k++)
                        {
                            float a = memory.Float(p.A, sample, (long)head * p.HeadStrideA + (long)i * p.RowStrideA + (long)k * p.DepthStrideA);
                            float b = memory.Float(p.B, sample, (long)head * p.HeadStrideB + (long)k * p.DepthStrideB + (long)j * p.ColumnStrideB);
                            sum = Exact.Fma(a, b, sum);
                        }

                        total = chunk == 0 ? sum : Exact.Add(total, sum);
                    }

                    memory.Store(p.Output, sample, (long)head * p.HeadStrideC + (long)i * p.RowStrideC + j, total);
                }
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        if (_arguments.Heads > 1 || _arguments.RowStrideC != _arguments.Columns || BatchContractHost.Takes(_arguments))
        {
            tile.Share(_arguments.Heads, 1, out int begin, out int end);
            for (int sample = 0; sample < tile.ItemCount; sample++)
            {
                for (int head = begin; head < end; head++)
                {
                    BatchContractHost.Run(
                        tile.Row(_arguments.A, 1, sample) + (nint)head * _arguments.HeadStrideA,
                        tile.Row(_arguments.B, 1, sample) + (nint)head * _arguments.HeadStrideB,
                        tile.Row(_arguments.Output, 1, sample) + (nint)head * _arguments.HeadStrideC,
                        _arguments);
                }
            }

            return;
        }

        int panels = (_arguments.Columns + ContractOrder.PanelColumns - 1) / ContractOrder.PanelColumns;
        int panelElements = panels * 16 * _arguments.Depth;
        bool wide = panelElements <= MaximumPanelElements;
        float* panel = stackalloc float[wide ? panelElements : 1];
        for (int sample = 0; sample < tile.ItemCount; sample++)
        {
            float* a = tile.Row(_arguments.A, 1, sample);
            float* b = tile.Row(_arguments.B, 1, sample);
            float* c = tile.Row(_arguments.Output, 1, sample);
            if (wide)
            {
                BatchContractHost.Pack(b, panel, panels, _arguments.Columns, _arguments.Depth, _arguments);
                BatchContractHost.Small(a, panel, c, _arguments, ContractHost.HasWideRegisters);
            }
            else
            {
                BatchContractHost.Plain(a, b, c, _arguments);
            }
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(BatchContractKernel.Run, checked(items * _arguments.Heads * _arguments.Rows * _arguments.Columns), _arguments);
}
