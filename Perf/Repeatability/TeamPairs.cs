using System.Numerics;
using System.Runtime.CompilerServices;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Memory;

namespace RduEmu.Perf.Repeatability;

/// <summary>A graph on the host against a team of as many threads over operands of their own.</summary>
internal abstract unsafe class TeamPair : CostPair
{
    private readonly HostArena _memory;

    protected TeamPair(int threads, long elements)
    {
        Threads = threads;
        Team = new WorkerTeam(threads);
        _memory = Draw(elements);
    }

    public override int Threads { get; }

    protected WorkerTeam Team { get; }

    protected float* Memory => (float*)_memory.Start;

    protected abstract Executor Executor { get; }

    public override void Ordered() => Executor.Run();

    public override void Dispose()
    {
        Executor.Dispose();
        Team.Dispose();
        _memory.Dispose();
    }
}

/// <summary>The gradient of an embedding: contributions in ascending position, against threads that race by compare-and-swap, or sums of each thread's own.</summary>
internal sealed unsafe class ScatterAddPair : TeamPair
{
    private readonly int _positions;
    private readonly int _rows;
    private readonly int _width;
    private readonly bool _races;
    private readonly int[] _indices;
    private readonly ValueId _result;
    private readonly TeamAction _add;
    private readonly TeamAction _join;

    public ScatterAddPair(int threads, int positions, int rows, int width, bool races)
        : base(threads, (long)positions * width + (long)(threads + 1) * rows * width)
    {
        (_positions, _rows, _width, _races) = (positions, rows, width, races);
        var random = new Random(1);
        _indices = [.. Enumerable.Range(0, positions).Select(_ => random.Next(rows))];
        var builder = new GraphBuilder();
        ValueId index = builder.Input("index", TensorType.Samples(positions, 1) with { Element = ElementType.Int32 });
        ValueId x = builder.Input("x", TensorType.Samples(positions, width));
        _result = builder.Apply(new EmbeddingBagGradient(rows), index, x);
        var target = new ExecutionTarget("host", threads);
        Executor = target.Create(target.Compile(builder.Build(_result)));
        Executor.Write(index, _indices);
        Executor.Write(x, new ReadOnlySpan<float>(Memory, positions * width));
        Executor.Load();
        _add = new TeamAction(worker =>
        {
            if (_races)
            {
                Race(worker);
            }
            else
            {
                Own(worker);
            }
        });
        _join = new TeamAction(Join);
    }

    public override string Operator => "scatter-add";

    public override string Shape => $"{_positions:N0} rows of {_width} into {_rows:N0}";

    public override string Rival => _races ? "threads that race, compare-and-swap" : "a table for each thread, then their sum";

    protected override Executor Executor { get; }

    private float* Sums => Memory + (long)_positions * _width;

    public override void Unordered()
    {
        new Span<float>(Sums, _rows * _width * (_races ? 1 : Threads)).Clear();
        Team.Run(_add);
        if (!_races)
        {
            Team.Run(_join);
        }
    }

    public override double RelativeDifference()
    {
        var ordered = new float[_rows * _width];
        Executor.Read(_result, ordered);
        return Difference(ordered, new ReadOnlySpan<float>(Sums, ordered.Length));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Race(int worker)
    {
        for (int position = (int)((long)_positions * worker / Threads); position < (int)((long)_positions * (worker + 1) / Threads); position++)
        {
            float* from = Memory + (long)position * _width;
            float* to = Sums + (long)_indices[position] * _width;
            for (int column = 0; column < _width; column++)
            {
                ref int bits = ref Unsafe.AsRef<int>(to + column);
                int seen = bits;
                while (true)
                {
                    int found = Interlocked.CompareExchange(ref bits, BitConverter.SingleToInt32Bits(BitConverter.Int32BitsToSingle(seen) + from[column]), seen);
                    if (found == seen)
                    {
                        break;
                    }

                    seen = found;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Own(int worker)
    {
        float* table = Sums + (long)worker * _rows * _width;
        for (int position = (int)((long)_positions * worker / Threads); position < (int)((long)_positions * (worker + 1) / Threads); position++)
        {
            float* from = Memory + (long)position * _width;
            float* to = table + (long)_indices[position] * _width;
            int column = 0;
            for (; column + Vector<float>.Count <= _width; column += Vector<float>.Count)
            {
                Vector.Store(Vector.Load(to + column) + Vector.Load(from + column), to + column);
            }

            for (; column < _width; column++)
            {
                to[column] += from[column];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Join(int worker)
    {
        long elements = (long)_rows * _width;
        for (long i = elements * worker / Threads; i < elements * (worker + 1) / Threads; i++)
        {
            float sum = Sums[i];
            for (int other = 1; other < Threads; other++)
            {
                sum += Sums[other * elements + i];
            }

            Sums[i] = sum;
        }
    }
}

/// <summary>The mean of a batch normalisation: leaves and a tree over all pixels, against sums of each thread's own.</summary>
internal sealed unsafe class BatchMeanPair : TeamPair
{
    private const int Images = 8;
    private const int Extent = 64;

    private readonly int _channels;
    private readonly ValueId _result;
    private readonly TeamAction _sum;

    public BatchMeanPair(int threads, int channels)
        : base(threads, (long)Images * Extent * Extent * channels + (threads + 1L) * channels)
    {
        _channels = channels;
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(Images, Extent, Extent, channels));
        ValueId count = builder.Constant("count", TensorType.Whole(1), Rows);
        _result = builder.Apply(new BatchMean(), x, count);
        var target = new ExecutionTarget("host", threads);
        Executor = target.Create(target.Compile(builder.Build(_result)));
        Executor.Write(x, new ReadOnlySpan<float>(Memory, Rows * channels));
        Executor.Load();
        _sum = new TeamAction(worker =>
        {
            long begin = (long)Rows * worker / Threads;
            UnorderedLoops.ColumnSums(Memory + begin * _channels, Sums + worker * _channels, (nint)((long)Rows * (worker + 1) / Threads - begin), _channels);
        });
    }

    public override string Operator => "batch statistics";

    public override string Shape => $"mean of {Rows:N0} pixels of {_channels}";

    public override string Rival => "each thread's own sums, four rows at once";

    protected override Executor Executor { get; }

    private static int Rows => Images * Extent * Extent;

    private float* Sums => Memory + (long)Rows * _channels;

    public override void Unordered()
    {
        new Span<float>(Sums, Threads * _channels).Clear();
        Team.Run(_sum);
        for (int c = 0; c < _channels; c++)
        {
            float sum = Sums[c];
            for (int other = 1; other < Threads; other++)
            {
                sum += Sums[other * _channels + c];
            }

            Sums[c] = sum / Rows;
        }
    }

    public override double RelativeDifference()
    {
        var ordered = new float[_channels];
        Executor.Read(_result, ordered);
        return Difference(ordered, new ReadOnlySpan<float>(Sums, _channels));
    }
}
