using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.Random;

/// <summary>What the kernel needs.</summary>
/// <param name="Numbers">One integer for each item: the number of the sample in the training.</param>
/// <param name="FirstElement">Where in the whole item its elements here begin.</param>
public readonly record struct DropoutArguments(
    Operand X, Operand Output, Operand Numbers, int RowsPerItem, int Columns, int Seed, int Stream, float Keep, float Scale, long FirstElement);

/// <summary>
/// Template <c>Random</c> over a value: y = x · scale where u &lt; keep, else +0; u uniform in [0, 1) in steps of 2^-24, the number of
/// the element (<see cref="RandomElement"/>) under the key (seed, stream). The element is counted within its item, row · columns +
/// column, and the item's own number stands in the place of the step: so what a sample draws depends neither on its place in a
/// batch nor on how batches are cut. The output may be x.
/// </summary>
/// <remarks>A dropout is its own gradient: the same unit on dy draws the same numbers, so no mask is stored.</remarks>
public sealed unsafe class DropoutUnit : ConfiguredUnit
{
    private readonly DropoutArguments _arguments;

    /// <param name="name">For people.</param>
    /// <param name="rowsPerItem">Rows for each item.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="x">What is thinned.</param>
    /// <param name="output">y.</param>
    /// <param name="numbers">One integer for each item.</param>
    /// <param name="seed">First word of the key.</param>
    /// <param name="stream">Second word of the key: one for each dropout of a model.</param>
    /// <param name="keep">Probability that an element stays.</param>
    /// <param name="scale">What an element that stays is multiplied by, 1 / keep.</param>
    /// <param name="firstElement">Where in the whole item its elements here begin: not 0 of a part of an item.</param>
    public DropoutUnit(
        string name, int rowsPerItem, int columns, Operand x, Operand output, Operand numbers, int seed, int stream, float keep, float scale,
        long firstElement = 0)
        : base(name, rowsPerItem) =>
        _arguments = new DropoutArguments(x, output, numbers, rowsPerItem, columns, seed, stream, keep, scale, firstElement);

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => 2L * RowsPerItem * _arguments.Columns;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        DropoutArguments p = _arguments;
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            int number = memory.Int(p.Numbers, row / RowsPerItem, 0);
            for (int c = 0; c < p.Columns; c++)
            {
                memory.Store(p.Output, row, c, Element(memory.Float(p.X, row, c), p.FirstElement + row % RowsPerItem * p.Columns + c, number, p));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        DropoutArguments p = _arguments;
        tile.Share(RowsPerItem, 1, out int begin, out int end);
        if (begin >= end)
        {
            return;
        }

        bool isDense = p.X.RowStrideElements == p.Columns && p.Output.RowStrideElements == p.Columns;
        int rowsAtOnce = isDense ? end - begin : 1;
        for (int item = 0; item < tile.ItemCount; item++)
        {
            int number = *(int*)tile.Row(p.Numbers, 1, item);
            for (int row = begin; row < end; row += rowsAtOnce)
            {
                float* x = tile.Row(p.X, RowsPerItem, (long)item * RowsPerItem + row);
                float* y = tile.Row(p.Output, RowsPerItem, (long)item * RowsPerItem + row);
                Row(x, y, p.FirstElement + (long)row * p.Columns, (nint)rowsAtOnce * p.Columns, number, p);
            }
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(DropoutKernel.Run, checked(items * RowsPerItem * _arguments.Columns), _arguments);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Element(float x, long element, int number, DropoutArguments p)
    {
        int word = RandomElement.Words<ScalarLane, float, int>((int)element, (int)(element >> 32), number, p.Seed, p.Stream, out _);
        return Philox.Uniform<ScalarLane, float, int>(word) < p.Keep ? Exact.Mul(x, p.Scale) : 0f;
    }

    /// <summary>The same eight at a time.</summary>
    /// <returns>How many are done.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint HalfRow(float* x, float* y, long element, nint count, int number, DropoutArguments p)
    {
        nint i = 0;
        Vector256<float> keep = Vector256.Create(p.Keep), scale = Vector256.Create(p.Scale);
        for (; i + HalfLane.WidthElements <= count; i += HalfLane.WidthElements)
        {
            var start = Vector256.Create((int)(element + i));
            Vector256<int> low = start + Vector256<int>.Indices;
            Vector256<int> wrapped = Vector256.LessThan(low.AsUInt32(), start.AsUInt32()).AsInt32();
            Vector256<int> high = Vector256.Create((int)((element + i) >> 32)) - wrapped;
            Vector256<int> word = RandomElement.Words<HalfLane, Vector256<float>, Vector256<int>>(
                low, high, Vector256.Create(number), Vector256.Create(p.Seed), Vector256.Create(p.Stream), out _);
            Vector256<float> uniform = Philox.Uniform<HalfLane, Vector256<float>, Vector256<int>>(word);
            Vector256.ConditionalSelect(Vector256.LessThan(uniform, keep), Vector256.Load(x + i) * scale, Vector256<float>.Zero).Store(y + i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row(float* x, float* y, long element, nint count, int number, DropoutArguments p)
    {
        nint i = 0;
        if (HalfLane.IsPreferred)
        {
            i = HalfRow(x, y, element, count, number, p);
        }

        Vector512<float> keep = Vector512.Create(p.Keep), scale = Vector512.Create(p.Scale);
        for (; i + WideLane.WidthElements <= count; i += WideLane.WidthElements)
        {
            // Lanes whose lower word wrapped around have one more in the upper word: the mask of the comparison is -1.
            var start = Vector512.Create((int)(element + i));
            Vector512<int> low = start + Vector512<int>.Indices;
            Vector512<int> wrapped = Vector512.LessThan(low.AsUInt32(), start.AsUInt32()).AsInt32();
            Vector512<int> high = Vector512.Create((int)((element + i) >> 32)) - wrapped;
            Vector512<int> word = RandomElement.Words<WideLane, Vector512<float>, Vector512<int>>(
                low, high, Vector512.Create(number), Vector512.Create(p.Seed), Vector512.Create(p.Stream), out _);
            Vector512<float> uniform = Philox.Uniform<WideLane, Vector512<float>, Vector512<int>>(word);
            Vector512.ConditionalSelect(Vector512.LessThan(uniform, keep), Vector512.Load(x + i) * scale, Vector512<float>.Zero).Store(y + i);
        }

        for (; i < count; i++)
        {
            y[i] = Element(x[i], element + i, number, p);
        }
    }
}

/// <summary>Dropout on a device: one thread for each element.</summary>
public static class DropoutKernel
{
    public static MethodInfo Method => typeof(DropoutKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, DropoutArguments p)
    {
        int row = index / p.Columns;
        int column = index - row * p.Columns;
        int item = row / p.RowsPerItem;
        long element = p.FirstElement + (long)(row - item * p.RowsPerItem) * p.Columns + column;
        arena[p.Output.At(row, column)] = DropoutUnit.Element(arena[p.X.At(row, column)], element, words[p.Numbers.At(item, 0)], p);
    }
}
