using System.Diagnostics;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Emulator.Experiments;

/// <summary>The size of the experiment.</summary>
/// <param name="Positions">Rows that are added.</param>
/// <param name="Rows">Rows that they are added to.</param>
/// <param name="Width">Elements of a row.</param>
/// <param name="Seed">Of rows and positions.</param>
public sealed record IndexAddSize(int Positions, int Rows, int Width, int Seed);

/// <summary>One run.</summary>
/// <param name="Ordered">Frobenius norm of the input gradient, sums in RDU order.</param>
/// <param name="Racing">The same, sums in the order in which threads come.</param>
/// <param name="Handovers">How often, of the pieces of positions in the order in which they were begun, another thread had the next.</param>
public sealed record IndexAddRun(double Ordered, double Racing, int Handovers);

/// <summary>
/// y[index[i]] += x[i], then the loss ½ sum y² and its gradient dx[i] = y[index[i]]: the operation whose unordered sums make a run
/// differ from its repetition. Once in RDU order, once as threads that race: each adds its positions to shared floats by
/// compare-and-swap.
/// </summary>
public static class IndexAdd
{
    /// <summary>Key of the random numbers.</summary>
    private const int Stream = 0x49444144;

    /// <summary>
    /// Positions that a racer adds before it may offer its processor to another: on a machine with few or busy processors threads would
    /// otherwise run one after the other for whole time slices, and hardly meet.
    /// </summary>
    private const int PiecePositions = 64;

    /// <summary>A bit of the clock, in nanoseconds: whether a racer goes on hangs on when it comes, as in any race. Always would make them take strict turns.</summary>
    private const long ClockBit = 4;

    /// <summary>Runs both several times over.</summary>
    /// <param name="size">What is added.</param>
    /// <param name="runs">How often.</param>
    /// <param name="target">Where sums in RDU order are computed.</param>
    /// <param name="racers">Threads that race.</param>
    /// <param name="cancellation">Stops between two runs.</param>
    public static IReadOnlyList<IndexAddRun> Run(IndexAddSize size, int runs, ExecutionTarget target, int racers, CancellationToken cancellation)
    {
        (int[] indices, float[] rows) = Draw(size);
        var builder = new GraphBuilder();
        ValueId index = builder.Input("index", TensorType.Samples(size.Positions, 1) with { Element = ElementType.Int32 });
        ValueId x = builder.Input("x", TensorType.Samples(size.Positions, size.Width));
        ValueId gradient = builder.Apply(new EmbeddingBag(), index, builder.Apply(new EmbeddingBagGradient(size.Rows), index, x));
        using Executor executor = target.Create(target.Compile(builder.Build(gradient)));
        executor.Write(index, indices);
        executor.Write(x, rows);
        executor.Load();

        var results = new List<IndexAddRun>();
        var ordered = new float[rows.Length];
        for (int run = 0; run < runs; run++)
        {
            cancellation.ThrowIfCancellationRequested();
            executor.Run();
            executor.Read(gradient, ordered);
            (float[] racing, int handovers) = Race(size, indices, rows, racers);
            results.Add(new IndexAddRun(Norm(ordered), Norm(racing), handovers));
        }

        return results;
    }

    private static (float[] Gradient, int Handovers) Race(IndexAddSize size, int[] indices, float[] rows, int racers)
    {
        var sums = new float[size.Rows * size.Width];
        int pieces = (indices.Length + PiecePositions - 1) / PiecePositions;
        var begun = new int[pieces];
        int count = 0;
        using var start = new Barrier(racers);
        Thread[] threads =
        [
            .. Enumerable.Range(0, racers).Select(racer => new Thread(() =>
            {
                start.SignalAndWait();
                for (int piece = racer; piece < pieces; piece += racers)
                {
                    begun[Interlocked.Increment(ref count) - 1] = racer;
                    int end = Math.Min(indices.Length, (piece + 1) * PiecePositions);
                    for (int position = piece * PiecePositions; position < end; position++)
                    {
                        for (int column = 0; column < size.Width; column++)
                        {
                            Add(ref sums[indices[position] * size.Width + column], rows[position * size.Width + column]);
                        }
                    }

                    if ((Stopwatch.GetTimestamp() & ClockBit) != 0)
                    {
                        Thread.Yield();
                    }
                }
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        var gradient = new float[rows.Length];
        for (int position = 0; position < indices.Length; position++)
        {
            sums.AsSpan(indices[position] * size.Width, size.Width).CopyTo(gradient.AsSpan(position * size.Width));
        }

        return (gradient, begun.Zip(begun.Skip(1)).Count(pair => pair.First != pair.Second));
    }

    private static void Add(ref float sum, float term)
    {
        float seen = Volatile.Read(ref sum);
        while (true)
        {
            float found = Interlocked.CompareExchange(ref sum, seen + term, seen);
            if (BitConverter.SingleToInt32Bits(found) == BitConverter.SingleToInt32Bits(seen))
            {
                return;
            }

            seen = found;
        }
    }

    private static double Norm(float[] elements)
    {
        double sum = 0;
        foreach (float element in elements)
        {
            sum += (double)element * element;
        }

        return Math.Sqrt(sum);
    }

    private static (int[] Indices, float[] Rows) Draw(IndexAddSize size)
    {
        var indices = new int[size.Positions];
        var rows = new float[checked(size.Positions * size.Width)];
        for (int i = 0; i < rows.Length; i++)
        {
            int c0 = i;
            int c1 = 0;
            int c2 = 0;
            int c3 = 0;
            Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, size.Seed, Stream);
            rows[i] = 2f * Philox.Uniform<ScalarLane, float, int>(c0) - 1f;
            if (i % size.Width == 0)
            {
                indices[i / size.Width] = (int)((uint)c1 % (uint)size.Rows);
            }
        }

        return (indices, rows);
    }
}
