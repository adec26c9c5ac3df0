using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>What the kernel needs besides its functions.</summary>
public readonly record struct WordContractArguments(StridedContractArguments Loops, int CodeA, int CodeB, int CodeY);

/// <summary>
/// Template <c>WordContract</c>: a <see cref="StridedContractUnit"/> of integers, which are summed in 64 bits and wrap to the output's
/// type, or of float64, in the same order.
/// </summary>
/// <typeparam name="TMultiplyAdd">x · y + z: <see cref="MultiplyAddWord"/> or <see cref="FmaFloat64Word"/>.</typeparam>
/// <typeparam name="TAdd">The sum of two chunks.</typeparam>
public sealed unsafe class WordContractUnit<TMultiplyAdd, TAdd> : ConfiguredUnit
    where TMultiplyAdd : struct, IWordFunction
    where TAdd : struct, IWordFunction
{
    private readonly ContractLoops _loops;
    private readonly WordContractArguments _arguments;

    /// <inheritdoc cref="StridedContractUnit(string, ContractExtents, ContractOperand, ContractOperand, ContractOperand, int)"/>
    public WordContractUnit(
        string name, ContractExtents extents, ContractOperand a, int codeA, ContractOperand b, int codeB, ContractOperand y, int codeY)
        : base(name, rowsPerItem: 1)
    {
        _loops = new ContractLoops(extents, a, b, y);
        _arguments = new WordContractArguments(_loops.Arguments(codeY), codeA, codeB, codeY);
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem =>
        2L * _arguments.Loops.BatchCount * _arguments.Loops.RowCount * _arguments.Loops.ColumnCount * _arguments.Loops.DepthCount;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        StridedContractArguments p = _arguments.Loops;
        for (int item = 0; item < items; item++)
        {
            for (int at = 0; at < p.BatchCount * p.RowCount * p.ColumnCount; at++)
            {
                NdIndex batch = NdIndex.Of(p.Batch, at / (p.RowCount * p.ColumnCount));
                int m = at / p.ColumnCount % p.RowCount;
                int n = at % p.ColumnCount;
                NdOperand a = p.BatchA.Moved(_loops.RowsA[m]);
                NdOperand b = p.BatchB.Moved(_loops.ColumnsB[n]);
                long total = 0;
                for (int chunk = 0; chunk < p.DepthCount; chunk += ContractOrder.ChunkElements)
                {
                    long sum = 0;
                    for (int k = chunk; k < Math.Min(p.DepthCount, chunk + ContractOrder.ChunkElements); k++)
                    {
                        sum = TMultiplyAdd.Apply(
                            memory.Wide(a.Moved(_loops.DepthA[k]), _arguments.CodeA, item, batch),
                            memory.Wide(b.Moved(_loops.DepthB[k]), _arguments.CodeB, item, batch), sum);
                    }

                    total = chunk == 0 ? sum : TAdd.Apply(total, sum, 0);
                }

                memory.Store(p.BatchY.Moved(_loops.RowsY[m] + _loops.ColumnsY[n]), _arguments.CodeY, item, batch, total);
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        StridedContractArguments p = _arguments.Loops;
        tile.Share((long)tile.ItemCount * p.BatchCount * p.RowCount * p.ColumnCount, NdLoop.ShareGranule, out long begin, out long end);
        for (long at = begin; at < end; at++)
        {
            int n = (int)(at % p.ColumnCount);
            int m = (int)(at / p.ColumnCount % p.RowCount);
            long outer = at / p.ColumnCount / p.RowCount;
            int item = (int)(outer / p.BatchCount);
            NdIndex batch = NdIndex.Of(p.Batch, (int)(outer % p.BatchCount));
            var a = (int*)tile.Item(p.BatchA, item) + Inside(p.BatchA, batch) + _loops.RowsA[m];
            var b = (int*)tile.Item(p.BatchB, item) + Inside(p.BatchB, batch) + _loops.ColumnsB[n];
            long total = 0;
            for (int chunk = 0; chunk < p.DepthCount; chunk += ContractOrder.ChunkElements)
            {
                long sum = 0;
                for (int k = chunk; k < Math.Min(p.DepthCount, chunk + ContractOrder.ChunkElements); k++)
                {
                    sum = TMultiplyAdd.Apply(
                        HostWord.Load(a + _loops.DepthA[k], _arguments.CodeA), HostWord.Load(b + _loops.DepthB[k], _arguments.CodeB), sum);
                }

                total = chunk == 0 ? sum : TAdd.Apply(total, sum, 0);
            }

            var y = (int*)tile.Item(p.BatchY, item) + Inside(p.BatchY, batch);
            HostWord.Store(y + _loops.RowsY[m] + _loops.ColumnsY[n], _arguments.CodeY, total);
        }
    }

    public override void Launch(KernelLauncher launcher, int items) => launcher.Launch(
        WordContractKernel.Run<TMultiplyAdd, TAdd>,
        checked(items * _arguments.Loops.BatchCount * _arguments.Loops.RowCount * _arguments.Loops.ColumnCount), _arguments);

    private static long Inside(in NdOperand operand, in NdIndex index) => operand.At(0, in index) - operand.OffsetElements;
}

/// <summary>The word contraction on a device: one thread for each sum.</summary>
public static class WordContractKernel
{
    public static MethodInfo Method(Type multiplyAdd, Type add) => typeof(WordContractKernel).GetMethod(nameof(Run))!.MakeGenericMethod(multiplyAdd, add);

    public static void Run<TMultiplyAdd, TAdd>(Index1D thread, ArrayView<float> arena, ArrayView<int> words, WordContractArguments arguments)
        where TMultiplyAdd : struct, IWordFunction
        where TAdd : struct, IWordFunction
    {
        StridedContractArguments p = arguments.Loops;
        int row = thread / p.ColumnCount;
        int batch = row / p.RowCount;
        int item = batch / p.BatchCount;
        NdIndex batchIndex = NdIndex.Of(p.Batch, batch - item * p.BatchCount);
        NdIndex rowIndex = NdIndex.Of(p.Rows, row - batch * p.RowCount);
        NdIndex columnIndex = NdIndex.Of(p.Columns, thread - row * p.ColumnCount);
        long a = p.BatchA.At(item, in batchIndex) + p.RowsA.At(0, in rowIndex);
        long b = p.BatchB.At(item, in batchIndex) + p.ColumnsB.At(0, in columnIndex);
        long total = 0;
        for (int chunk = 0; chunk < p.DepthCount; chunk += ContractOrder.ChunkElements)
        {
            long sum = 0;
            int end = chunk + ContractOrder.ChunkElements;
            end = end < p.DepthCount ? end : p.DepthCount;
            for (int k = chunk; k < end; k++)
            {
                NdIndex depthIndex = NdIndex.Of(p.Depth, k);
                sum = TMultiplyAdd.Apply(
                    DeviceWord.Load(words, a + p.DepthA.At(0, in depthIndex), arguments.CodeA),
                    DeviceWord.Load(words, b + p.DepthB.At(0, in depthIndex), arguments.CodeB), sum);
            }

            total = chunk == 0 ? sum : TAdd.Apply(total, sum, 0);
        }

        long y = p.BatchY.At(item, in batchIndex) + p.RowsY.At(0, in rowIndex) + p.ColumnsY.At(0, in columnIndex);
        DeviceWord.Store(words, y, arguments.CodeY, total);
    }
}
