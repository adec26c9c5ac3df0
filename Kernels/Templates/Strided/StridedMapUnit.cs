using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates.Map;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>What a strided map needs besides its program.</summary>
public readonly record struct StridedMapArguments(NdOperand Output, NdSlots Slots, NdShape Shape, int ElementsPerItem);

/// <summary>
/// Template <c>StridedMap</c>: out[i] = program(i) at every index i of an N-d tensor, each operand with strides of its own:
/// broadcasting is a stride of 0, a transposed operand other strides. The output may be one of the inputs, element for element.
/// </summary>
/// <remarks>
/// Elements are words: floats, or integers and truth values that a program carries by their bits. All slots are read as
/// <c>Full</c>. Workers that share a tile take ranges of its elements.
/// </remarks>
/// <typeparam name="TProgram">At most eight stages deep, as in a <see cref="MapUnit{TProgram}"/>.</typeparam>
public sealed unsafe class StridedMapUnit<TProgram> : ConfiguredUnit
    where TProgram : struct, IProgram
{
    private readonly NdLoop _loop;
    private readonly int _operationsPerElement;
    private readonly StridedMapArguments _arguments;

    /// <param name="extents">Of one item, outermost first.</param>
    /// <param name="output">Where the values go; its strides are not 0.</param>
    /// <param name="inputs">One operand for each slot.</param>
    public StridedMapUnit(string name, int[] extents, NdOperand output, NdOperand[] inputs, int operationsPerElement)
        : base(name, rowsPerItem: 1)
    {
        _loop = NdLoop.Over(extents, [output, .. inputs]);
        _operationsPerElement = operationsPerElement;
        _arguments = new StridedMapArguments(
            _loop.Operands[0], NdSlots.From(_loop.Operands[1..]), _loop.Shape, checked((int)_loop.CountElements));
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => _loop.CountElements * _operationsPerElement;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        for (int item = 0; item < items; item++)
        {
            for (int element = 0; element < _arguments.ElementsPerItem; element++)
            {
                NdIndex index = NdIndex.Of(_arguments.Shape, element);
                var frame = new NdInterpreterFrame(memory, _arguments.Slots, item, index);
                memory.Store(_arguments.Output, item, index, TProgram.Evaluate<ScalarLane, float, int, NdInterpreterFrame>(in frame));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        tile.Share(tile.ItemCount * _loop.CountElements, NdLoop.ShareGranule, out long begin, out long end);
        if (begin >= end)
        {
            return;
        }

        int operands = _loop.Operands.Length;
        Span<int> index = stackalloc int[NdShape.MaximumRank];
        Span<nint> addresses = stackalloc nint[operands];
        float** rows = stackalloc float*[operands];
        float* buffers = stackalloc float[operands * StridedRow.BlockElements];
        var walk = new NdWalk(_loop, in tile, begin / _loop.Inner, index, addresses);
        int column = (int)(begin % _loop.Inner);
        for (long left = end - begin; left > 0; walk.Next())
        {
            int count = (int)Math.Min(left, _loop.Inner - column);
            for (int done = 0; done < count; done += StridedRow.BlockElements)
            {
                Block(ref walk, column + done, Math.Min(StridedRow.BlockElements, count - done), rows, buffers);
            }

            left -= count;
            column = 0;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(StridedMapKernel.Run<TProgram>, checked(items * _arguments.ElementsPerItem), _arguments);

    private void Block(ref NdWalk walk, int column, int count, float** rows, float* buffers)
    {
        for (int slot = 1; slot < _loop.Operands.Length; slot++)
        {
            rows[slot - 1] = StridedRow.Read(
                walk.Address(slot), _loop.InnerStride(slot), column, count, buffers + slot * StridedRow.BlockElements);
        }

        int stride = _loop.InnerStride(0);
        float* target = walk.Address(0) + (nint)column * stride;
        if (stride == 1)
        {
            MapHost.Row<TProgram>(rows, target, 0, count);
            return;
        }

        MapHost.Row<TProgram>(rows, buffers, 0, count);
        for (int i = 0; i < count; i++)
        {
            target[(nint)i * stride] = buffers[i];
        }
    }
}

/// <summary>A piece of an operand's innermost row, made dense.</summary>
internal static unsafe class StridedRow
{
    /// <summary>Elements that a loop handles at once: nine such pieces are 9 KB, well within L1.</summary>
    public const int BlockElements = 256;

    /// <summary>The elements [column, column + count) of a row: in place where they are dense, else copied to the buffer.</summary>
    public static float* Read(float* row, int stride, int column, int count, float* buffer)
    {
        float* source = row + (nint)column * stride;
        if (stride == 1)
        {
            return source;
        }

        if (stride == 0)
        {
            new Span<float>(buffer, count).Fill(*source);
            return buffer;
        }

        for (int i = 0; i < count; i++)
        {
            buffer[i] = source[(nint)i * stride];
        }

        return buffer;
    }
}

/// <summary>The strided map on a device: one thread for each element.</summary>
public static class StridedMapKernel
{
    /// <summary>The kernel for one program.</summary>
    public static MethodInfo Method(Type program) => typeof(StridedMapKernel).GetMethod(nameof(Run))!.MakeGenericMethod(program);

    public static void Run<TProgram>(Index1D thread, ArrayView<float> arena, ArrayView<int> words, StridedMapArguments arguments)
        where TProgram : struct, IProgram
    {
        int item = thread / arguments.ElementsPerItem;
        NdIndex index = NdIndex.Of(arguments.Shape, thread - item * arguments.ElementsPerItem);
        var frame = new NdGpuFrame(arena, arguments.Slots, item, index, 0f);
        arena[arguments.Output.At(item, in index)] = TProgram.Evaluate<ScalarLane, float, int, NdGpuFrame>(in frame);
    }
}
