using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>What a word reduction needs besides its functions.</summary>
public readonly record struct WordReduceArguments(
    NdOperand Output, NdOperand X, NdShape Kept, NdShape Combined, int KeptCount, int ReducedCount, int OutputCode, int XCode, long Identity, long FinishOperand);

/// <summary>
/// Template <c>WordReduce</c>: the reduction of <see cref="StridedReduceUnit{TReduction, TPrologue, TEpilogue}"/>, in the same order,
/// for elements of any type: out[o] = finish(combine over r of element(x[o, r]), operand), in 64-bit words.
/// </summary>
/// <typeparam name="TElement">Of x, x and x: a copy, a magnitude, or a product, which is then the square.</typeparam>
/// <typeparam name="TCombine">Of a lane and an element, and of two lanes.</typeparam>
/// <typeparam name="TFinish">Of the result and the finish operand (a mean's count).</typeparam>
public sealed unsafe class WordReduceUnit<TElement, TCombine, TFinish> : ConfiguredUnit
    where TElement : struct, IWordFunction
    where TCombine : struct, IWordFunction
    where TFinish : struct, IWordFunction
{
    private readonly ReduceLoops _loops;
    private readonly WordReduceArguments _arguments;

    /// <param name="output">Over the kept axes.</param>
    /// <param name="x">Over the kept and then the reduced axes.</param>
    /// <param name="identity">What every lane starts from.</param>
    /// <param name="finishOperand">The second operand of the last function.</param>
    public WordReduceUnit(
        string name, int[] kept, int[] reduced, NdOperand output, int outputCode, NdOperand x, int xCode, long identity, long finishOperand)
        : base(name, rowsPerItem: 1)
    {
        _loops = new ReduceLoops(kept, reduced, [output], [x]);
        _arguments = new WordReduceArguments(
            _loops.Kept.Operands[0], _loops.Elements[0], _loops.Kept.Shape, _loops.Combined, _loops.KeptCount, _loops.ReducedCount,
            outputCode, xCode, identity, finishOperand);
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)_loops.KeptCount * _loops.ReducedCount;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        WordReduceArguments p = _arguments;
        Span<long> lanes = stackalloc long[RowOrder.Lanes];
        for (int item = 0; item < items; item++)
        {
            for (int o = 0; o < p.KeptCount; o++)
            {
                lanes.Fill(p.Identity);
                for (int r = 0; r < p.ReducedCount; r++)
                {
                    long x = memory.Wide(p.X, p.XCode, item, NdIndex.Of(p.Combined, o * p.ReducedCount + r));
                    lanes[r % RowOrder.Lanes] = TCombine.Apply(lanes[r % RowOrder.Lanes], TElement.Apply(x, x, x), 0);
                }

                memory.Store(p.Output, p.OutputCode, item, NdIndex.Of(p.Kept, o), TFinish.Apply(Tree(lanes), p.FinishOperand, 0));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        WordReduceArguments p = _arguments;
        Span<long> lanes = stackalloc long[RowOrder.Lanes];
        Span<int> index = stackalloc int[NdShape.MaximumRank];
        var outputs = new KeptElements(_loops, in tile, stackalloc int[NdShape.MaximumRank], stackalloc nint[2]);
        while (outputs.MoveNext())
        {
            lanes.Fill(p.Identity);
            var elements = new ReducedElements(_loops.Reduced, index);
            var x = (int*)outputs.Address(1);
            for (int r = 0; r < p.ReducedCount; r++)
            {
                long value = HostWord.Load(x + elements.Position(0), p.XCode);
                lanes[r % RowOrder.Lanes] = TCombine.Apply(lanes[r % RowOrder.Lanes], TElement.Apply(value, value, value), 0);
                elements.Skip(1);
            }

            HostWord.Store((int*)outputs.Address(0), p.OutputCode, TFinish.Apply(Tree(lanes), p.FinishOperand, 0));
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(WordReduceKernel.Run<TElement, TCombine, TFinish>, checked(items * _arguments.KeptCount), _arguments);

    private static long Tree(Span<long> lanes)
    {
        for (int half = RowOrder.Lanes / 2; half > 0; half /= 2)
        {
            for (int lane = 0; lane < half; lane++)
            {
                lanes[lane] = TCombine.Apply(lanes[lane], lanes[lane + half], 0);
            }
        }

        return lanes[0];
    }
}

/// <summary>A worker's outputs of a reduction, one after another.</summary>
internal unsafe ref struct KeptElements
{
    private readonly ReduceLoops _loops;
    private NdWalk _walk;
    private long _left;
    private int _column;

    /// <param name="index">Room for seven coordinates.</param>
    /// <param name="addresses">Room for an address of each operand over the kept axes.</param>
    public KeptElements(ReduceLoops loops, in HostTile tile, Span<int> index, Span<nint> addresses)
    {
        _loops = loops;
        tile.Share(tile.ItemCount * loops.Kept.CountElements, NdLoop.ShareGranule, out long begin, out long end);
        _left = end - begin;
        if (_left > 0)
        {
            _walk = new NdWalk(loops.Kept, in tile, begin / loops.Kept.Inner, index, addresses);
            _column = (int)(begin % loops.Kept.Inner) - 1;
        }
    }

    public bool MoveNext()
    {
        if (_left-- <= 0)
        {
            return false;
        }

        if (++_column == _loops.Kept.Inner)
        {
            _column = 0;
            _walk.Next();
        }

        return true;
    }

    /// <summary>Where an output is, or where the elements of an input begin.</summary>
    public readonly float* Address(int operand) => _walk.Address(operand) + (nint)_column * _loops.Kept.InnerStride(operand);
}

/// <summary>Word reductions on a device: one thread for each output.</summary>
public static class WordReduceKernel
{
    public static MethodInfo Method(Type element, Type combine, Type finish) =>
        typeof(WordReduceKernel).GetMethod(nameof(Run))!.MakeGenericMethod(element, combine, finish);

    public static void Run<TElement, TCombine, TFinish>(Index1D thread, ArrayView<float> arena, ArrayView<int> words, WordReduceArguments p)
        where TElement : struct, IWordFunction
        where TCombine : struct, IWordFunction
        where TFinish : struct, IWordFunction
    {
        int item = thread / p.KeptCount;
        int o = thread - item * p.KeptCount;
        ArrayView<long> lanes = LocalMemory.Allocate<long>(RowOrder.Lanes);
        for (int lane = 0; lane < RowOrder.Lanes; lane++)
        {
            lanes[lane] = p.Identity;
        }

        for (int r = 0; r < p.ReducedCount; r++)
        {
            NdIndex index = NdIndex.Of(p.Combined, o * p.ReducedCount + r);
            long x = DeviceWord.Load(words, p.X.At(item, in index), p.XCode);
            int lane = r % RowOrder.Lanes;
            lanes[lane] = TCombine.Apply(lanes[lane], TElement.Apply(x, x, x), 0);
        }

        for (int half = RowOrder.Lanes / 2; half > 0; half /= 2)
        {
            for (int lane = 0; lane < half; lane++)
            {
                lanes[lane] = TCombine.Apply(lanes[lane], lanes[lane + half], 0);
            }
        }

        NdIndex output = NdIndex.Of(p.Kept, o);
        DeviceWord.Store(words, p.Output.At(item, in output), p.OutputCode, TFinish.Apply(lanes[0], p.FinishOperand, 0));
    }
}
