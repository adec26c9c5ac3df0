using System.Runtime.InteropServices;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Fabric;

namespace RduEmu.Emulator.Training.Sharded;

/// <summary>Makes the exchanges of one RDU's program over the fabric: first all that is sent, then what is kept and taken.</summary>
internal sealed class Exchanger(IFabric fabric)
{
    /// <summary>Words of a copy at a time.</summary>
    private const int PieceWords = 1 << 18;

    private int[] _words = [];

    public void Make(Executor executor, IReadOnlyList<ExchangeStage> stages)
    {
        foreach (ExchangeStage stage in stages)
        {
            foreach (Move move in stage.Exchange.Moves)
            {
                if (move.Kind == MoveKind.Send)
                {
                    Send(executor, stage.Sources[move.Input], move);
                }
            }
        }

        foreach (ExchangeStage stage in stages)
        {
            foreach (Move move in stage.Exchange.Moves)
            {
                if (move.Kind == MoveKind.Receive)
                {
                    Receive(executor, stage.Output, move);
                }
                else if (move.Kind == MoveKind.Keep)
                {
                    Keep(executor, stage.Sources[move.Input], stage.Output, move);
                }
            }
        }
    }

    private void Send(Executor executor, ValueId source, Move move)
    {
        TensorType type = executor.Program.Graph[source].Type;
        int[] words = Words(type.WordsOf(move.Source.CountElements));
        int at = 0;
        ForEachRun(move.Source, type, (row, first, length) =>
        {
            executor.ReadRow(source, row, first, words.AsSpan(at, length));
            at += length;
        });
        fabric.Send(move.Peer, MemoryMarshal.AsBytes(words.AsSpan(0, at)));
    }

    private void Receive(Executor executor, ValueId target, Move move)
    {
        TensorType type = executor.Program.Graph[target].Type;
        int count = checked((int)type.WordsOf(move.Target.CountElements));
        int[] words = Words(count);
        fabric.Receive(move.Peer, MemoryMarshal.AsBytes(words.AsSpan(0, count)));
        int at = 0;
        ForEachRun(move.Target, type, (row, first, length) =>
        {
            executor.WriteRow(target, row, first, words.AsSpan(at, length));
            at += length;
        });
    }

    /// <summary>Both boxes have the same extents, so their elements follow each other in the same order; runs may differ in length.</summary>
    private void Keep(Executor executor, ValueId source, ValueId target, Move move)
    {
        var targets = new List<(int Row, long First, int Length)>();
        ForEachRun(move.Target, executor.Program.Graph[target].Type, (row, first, length) => targets.Add((row, first, length)));
        int run = 0;
        int done = 0;
        ForEachRun(move.Source, executor.Program.Graph[source].Type, (row, first, length) =>
        {
            for (int at = 0; at < length;)
            {
                int count = Math.Min(PieceWords, Math.Min(length - at, targets[run].Length - done));
                Span<int> words = Words(count).AsSpan(0, count);
                executor.ReadRow(source, row, first + at, words);
                executor.WriteRow(target, targets[run].Row, targets[run].First + done, words);
                at += count;
                done += count;
                if (done == targets[run].Length)
                {
                    run++;
                    done = 0;
                }
            }
        });
    }

    /// <summary>Runs of words: no region cuts a pair of bf16.</summary>
    private static void ForEachRun(Region region, TensorType type, Action<int, long, int> visit) =>
        region.ForEachRun(type.Shape, (row, first, length) => visit(row, type.WordsOf(first), checked((int)type.WordsOf(length))));

    private int[] Words(long count)
    {
        if (_words.Length < count)
        {
            _words = new int[count];
        }

        return _words;
    }
}
