using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>What a selection needs besides its order.</summary>
/// <param name="Count">Elements that are selected of each row.</param>
/// <param name="LastOfEqual">1 if of equal elements the last comes first, else 0.</param>
public readonly record struct SelectArguments(
    NdOperand Output, NdOperand X, NdShape Kept, NdShape Combined, NdShape Selected, int KeptCount, int Length, int Count, int Code, int LastOfEqual);

/// <summary>
/// Template <c>Select</c>: out[o, j] = the position along the axis of the element of x[o, :] that is number j in the order, for
/// j &lt; count, as int64. Equal elements keep the order of their positions, or the reverse. ArgMax and ArgMin are the case
/// count = 1; the positions of the k largest are TopK's.
/// </summary>
public sealed unsafe class SelectUnit<TOrder> : ConfiguredUnit
    where TOrder : struct, IWordOrder
{
    private readonly ReduceLoops _loops;
    private readonly SelectArguments _arguments;
    private readonly int _strideX;
    private readonly int _strideOutput;

    /// <param name="kept">Extents of the other axes of one item.</param>
    /// <param name="length">Extent of the axis, at least <paramref name="count"/>.</param>
    /// <param name="output">Over the other axes and then the selected; int64.</param>
    /// <param name="x">Over the other axes and then the axis.</param>
    public SelectUnit(string name, int[] kept, int length, int count, NdOperand output, NdOperand x, int code, bool lastOfEqual)
        : base(name, rowsPerItem: 1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, length);
        _loops = new ReduceLoops(kept, [length], [], [output, x]);
        _strideOutput = output.S6;
        _strideX = x.S6;
        int[] selected = [.. _loops.Kept.Extents, count];
        _arguments = new SelectArguments(
            _loops.Elements[0], _loops.Elements[1], _loops.Kept.Shape, _loops.Combined,
            selected.Length > NdShape.MaximumRank ? NdShape.From(selected.AsSpan(0, NdShape.MaximumRank)) : NdShape.From(selected),
            _loops.KeptCount, length, count, code, lastOfEqual ? 1 : 0);
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)_loops.KeptCount * _arguments.Length;

    /// <summary>Element i is number j if j elements come before it.</summary>
    public override void Interpret(InterpreterMemory memory, int items)
    {
        SelectArguments p = _arguments;
        for (int item = 0; item < items; item++)
        {
            for (int o = 0; o < p.KeptCount; o++)
            {
                for (int i = 0; i < p.Length; i++)
                {
                    long x = memory.Wide(p.X, p.Code, item, NdIndex.Of(p.Combined, o * p.Length + i));
                    int number = 0;
                    for (int other = 0; other < p.Length; other++)
                    {
                        long y = memory.Wide(p.X, p.Code, item, NdIndex.Of(p.Combined, o * p.Length + other));
                        number += SelectKernel.Precedes<TOrder>(y, other, x, i, p.LastOfEqual) ? 1 : 0;
                    }

                    if (number < p.Count)
                    {
                        memory.Store(p.Output, ElementCode.Int64, item, NdIndex.Of(p.Selected, o * p.Count + number), i);
                    }
                }
            }
        }
    }

    /// <summary>The best so far stay sorted; an element that is not better than the last of them costs one comparison.</summary>
    public override void Run(in HostTile tile)
    {
        SelectArguments p = _arguments;
        int[]? large = p.Count > 256 ? System.Buffers.ArrayPool<int>.Shared.Rent(p.Count) : null;
        Span<int> best = large ?? stackalloc int[256];
        var rows = new KeptElements(_loops, in tile, stackalloc int[NdShape.MaximumRank], stackalloc nint[2]);
        while (p.Count > 0 && rows.MoveNext())
        {
            var x = (int*)rows.Address(1);
            int count = 0;
            for (int i = 0; i < p.Length; i++)
            {
                long value = HostWord.Load(x + (nint)i * _strideX, p.Code);
                int at = Place(best[..count], x, value, i);
                if (at == p.Count)
                {
                    continue;
                }

                count = Math.Min(count + 1, p.Count);
                best[at..(count - 1)].CopyTo(best[(at + 1)..]);
                best[at] = i;
            }

            for (int j = 0; j < p.Count; j++)
            {
                HostWord.Store((int*)rows.Address(0) + (nint)j * _strideOutput, ElementCode.Int64, best[j]);
            }
        }

        if (large is not null)
        {
            System.Buffers.ArrayPool<int>.Shared.Return(large);
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(SelectKernel.Run<TOrder>, checked(items * _arguments.KeptCount * _arguments.Length), _arguments);

    /// <summary>How many of the best come before an element: by halving, as they are sorted.</summary>
    private int Place(ReadOnlySpan<int> best, int* x, long value, int position)
    {
        int low = 0;
        int high = best.Length;
        if (high == _arguments.Count && Before(best[high - 1], x, value, position))
        {
            return high;
        }

        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Before(best[middle], x, value, position))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private bool Before(int other, int* x, long value, int position) => SelectKernel.Precedes<TOrder>(
        HostWord.Load(x + (nint)other * _strideX, _arguments.Code), other, value, position, _arguments.LastOfEqual);
}

/// <summary>Selections on a device: one thread for each element, which counts those before it.</summary>
public static class SelectKernel
{
    public static MethodInfo Method(Type order) => typeof(SelectKernel).GetMethod(nameof(Run))!.MakeGenericMethod(order);

    public static void Run<TOrder>(Index1D thread, ArrayView<float> arena, ArrayView<int> words, SelectArguments p)
        where TOrder : struct, IWordOrder
    {
        int row = thread / p.Length;
        int i = thread - row * p.Length;
        int item = row / p.KeptCount;
        int o = row - item * p.KeptCount;
        NdIndex index = NdIndex.Of(p.Combined, o * p.Length + i);
        long x = DeviceWord.Load(words, p.X.At(item, in index), p.Code);
        int number = 0;
        for (int other = 0; other < p.Length; other++)
        {
            NdIndex otherIndex = NdIndex.Of(p.Combined, o * p.Length + other);
            long y = DeviceWord.Load(words, p.X.At(item, in otherIndex), p.Code);
            number += Precedes<TOrder>(y, other, x, i, p.LastOfEqual) ? 1 : 0;
        }

        if (number < p.Count)
        {
            NdIndex output = NdIndex.Of(p.Selected, o * p.Count + number);
            DeviceWord.Store(words, p.Output.At(item, in output), ElementCode.Int64, i);
        }
    }

    internal static bool Precedes<TOrder>(long x, int positionX, long y, int positionY, int lastOfEqual)
        where TOrder : struct, IWordOrder
    {
        if (TOrder.Precedes(x, y))
        {
            return true;
        }

        return !TOrder.Precedes(y, x) && (lastOfEqual != 0 ? positionX > positionY : positionX < positionY);
    }
}
