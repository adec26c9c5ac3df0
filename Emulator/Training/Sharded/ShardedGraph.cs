using System.Collections.Immutable;
using System.Runtime.InteropServices;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Parallelism;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Fabric;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Training.Sharded;

/// <summary>A model's graph as one graph for each RDU, and the executors that run them side by side.</summary>
internal sealed class ShardedGraph
{
    private readonly InProcessFabric[] _node;
    private readonly Dictionary<ValueId, ControlInput> _controls;
    private readonly int[][] _buffers;
    private readonly int[] _word = new int[1];

    /// <param name="model">The whole graph.</param>
    /// <param name="sharding">How it is shared.</param>
    /// <param name="node">The RDUs.</param>
    public ShardedGraph(ModelGraph model, Sharding sharding, InProcessFabric[] node)
    {
        Model = model;
        Sharding = sharding;
        _node = node;
        _controls = model.Controls.ToDictionary(control => control.Input);
        _buffers = [.. node.Select(_ => Array.Empty<int>())];
        Sockets = Sharder.Run(sharding, [.. model.Predictions, .. model.Loss is { } loss ? [loss] : Array.Empty<ValueId>()]);
    }

    public ModelGraph Model { get; }

    public Sharding Sharding { get; }

    public ImmutableArray<SocketGraph> Sockets { get; }

    /// <summary>One for each RDU.</summary>
    public Executor[] Executors { get; set; } = [];

    /// <summary>Writes what the batch and the moment give, and runs all RDUs.</summary>
    public void Run(Batch batch, StepMoment? moment) => RduThreads.Run(_node, socket =>
    {
        foreach (LocalValue input in Sockets[socket].Inputs)
        {
            if (_controls.TryGetValue(input.Whole, out ControlInput? control))
            {
                Executors[socket].Write(input.Local, [control.WordAt(moment!.Value)]);
            }
            else
            {
                Write(socket, input, batch[Model.Graph[input.Whole].Name]);
            }
        }

        Executors[socket].Run();
    });

    /// <summary>An output of one element.</summary>
    public float ReadScalar(ValueId output)
    {
        Read(output, _word);
        return BitConverter.Int32BitsToSingle(_word[0]);
    }

    /// <summary>An output, put together of the RDUs' pieces.</summary>
    public void Read(ValueId output, Span<int> words)
    {
        for (int socket = 0; socket < Sockets.Length; socket++)
        {
            foreach (LocalValue piece in Sockets[socket].Outputs)
            {
                if (piece.Whole == output)
                {
                    Read(socket, piece, words);
                }
            }
        }
    }

    private void Read(int socket, LocalValue piece, Span<int> words)
    {
        int count = checked((int)piece.Region.CountElements);
        Span<int> own = Buffer(socket, count).AsSpan(0, count);
        Executors[socket].Read(piece.Local, MemoryMarshal.Cast<int, float>(own));
        EquatableArray<int> shape = Model.Graph[piece.Whole].Type.Shape;
        long rowWords = RowWords(shape);
        int at = 0;
        foreach ((int row, long first, int length) in Runs(piece.Region, shape))
        {
            own.Slice(at, length).CopyTo(words[checked((int)((row * rowWords) + first))..]);
            at += length;
        }
    }

    private void Write(int socket, LocalValue input, BatchField field)
    {
        EquatableArray<int> shape = Model.Graph[input.Whole].Type.Shape;
        ReadOnlySpan<int> words = field.Integers.Length > 0 ? field.Integers : MemoryMarshal.Cast<float, int>(field.Floats);
        int count = checked((int)input.Region.CountElements);
        int[] own = Buffer(socket, count);
        long rowWords = RowWords(shape);
        int at = 0;
        foreach ((int row, long first, int length) in Runs(input.Region, shape))
        {
            words.Slice(checked((int)((row * rowWords) + first)), length).CopyTo(own.AsSpan(at));
            at += length;
        }

        Executors[socket].Write(input.Local, own.AsSpan(0, count));
    }

    private int[] Buffer(int socket, int count)
    {
        if (_buffers[socket].Length < count)
        {
            _buffers[socket] = new int[count];
        }

        return _buffers[socket];
    }

    /// <summary>Words of a row where the first axis is rows.</summary>
    internal static long RowWords(EquatableArray<int> shape) => shape.Count < 2 ? 0 : shape.Skip(1).Aggregate(1L, (product, extent) => product * extent);

    internal static List<(int Row, long First, int Length)> Runs(Region region, EquatableArray<int> shape)
    {
        var runs = new List<(int Row, long First, int Length)>();
        region.ForEachRun(shape, (row, first, length) => runs.Add((row, first, length)));
        return runs;
    }
}
