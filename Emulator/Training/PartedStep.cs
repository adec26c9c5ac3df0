using System.Collections.Immutable;
using System.Runtime.InteropServices;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Parallelism;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Fabric;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Training;

/// <summary>
/// A batch in equal parts, some of them on this RDU: it computes its parts one after the other, learns of the others' results
/// through the fabric, and makes the join, which every RDU makes for itself. The bits are those of the whole batch.
/// </summary>
internal sealed class PartedStep : TrainingStep
{
    private readonly ModelGraph _whole;
    private readonly int _parts;
    private readonly int _ownParts;
    private readonly int _shares;
    private readonly Dictionary<ValueId, ShareFold> _folds = [];
    private readonly IFabric? _fabric;
    private readonly ArrivalSums? _arrival;
    private readonly ImmutableArray<CutPhase> _phases;
    private readonly Dictionary<Crossing, float[]> _buffers = [];
    private readonly List<LoadedGraph> _loaded = [];

    /// <param name="whole">The training step of the whole batch.</param>
    /// <param name="parts">Equal parts of the batch, over all RDUs.</param>
    /// <param name="fabric">To the other RDUs; null if there are none. The parts are a multiple of their number.</param>
    /// <param name="arrival">Makes sums as their shares arrive; null for RDU order.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0201: the parts are not equal.</exception>
    public PartedStep(ModelGraph whole, int parts, IFabric? fabric, ArrivalSums? arrival = null)
    {
        _arrival = arrival;
        _whole = whole;
        _parts = parts;
        _fabric = fabric;
        _ownParts = parts / (fabric?.Sockets ?? 1);

        // An RDU adds the shares of its own parts as they come, where they are a whole subtree: a join then has one share from each.
        int sockets = fabric?.Sockets ?? 1;
        // Not sums in bf16: these are rounded at each addition, which is the join's.
        bool isExact = !whole.Graph.Values.Any(value => value.Type.IsPaired);
        _shares = isExact && (sockets == 1 || int.IsPow2(_ownParts)) ? sockets : parts;
        _phases = BatchCut.Run(whole.Graph, parts, _shares, whole.Loss!.Value);
        Graphs = [.. _phases.SelectMany(phase => new[] { ModelGraphOf(phase.Part), ModelGraphOf(phase.Join) })];
    }

    public override IReadOnlyList<ModelGraph> Graphs { get; }

    /// <summary>Samples of a part.</summary>
    private int PartSamples => _whole.Graph.Values.First(value => value.Type.HasSamples).Type.Shape[0] / _parts;

    private int FirstPart => (_fabric?.Socket ?? 0) * _ownParts;

    private int OwnShares => _shares / (_fabric?.Sockets ?? 1);

    private int FirstShare => (_fabric?.Socket ?? 0) * OwnShares;

    private bool Folds => OwnShares < _ownParts;

    public override IReadOnlyList<LoadedGraph> Bind(IReadOnlyList<Executor> executors)
    {
        for (int i = 0; i < executors.Count; i++)
        {
            CutGraph cut = i % 2 == 0 ? _phases[i / 2].Part : _phases[i / 2].Join;
            _loaded.Add(new LoadedGraph(Graphs[i], executors[i], [.. cut.Given.Select(given => given.Id)]));
        }

        return _loaded;
    }

    public override float Step(Batch batch, StepMoment moment)
    {
        for (int phase = 0; phase < _phases.Length; phase++)
        {
            LoadedGraph part = _loaded[2 * phase];
            part.Write(moment);
            for (int own = 0; own < _ownParts; own++)
            {
                RunPart(part, _phases[phase].Part, batch, FirstPart + own);
            }

            foreach ((Crossing crossing, _) in _phases[phase].Part.Taken.Where(taken => Folds && taken.Crossing.Kind == CrossingKind.Sum))
            {
                _folds[crossing.Value].Finish(Buffer(ShareOf(crossing.Value, FirstShare)));
            }

            LoadedGraph join = _loaded[2 * phase + 1];
            join.Write(moment);
            RunJoin(join, _phases[phase].Join, batch);
        }

        return _buffers[new Crossing(_whole.Loss!.Value, CrossingKind.Whole)][0] / _whole.LossDivisor;
    }

    private void RunPart(LoadedGraph part, CutGraph cut, Batch batch, int index)
    {
        part.Write(batch, index * PartSamples);
        foreach ((Crossing crossing, ValueId id) in cut.Given)
        {
            part.Executor.Write(id, crossing.Kind == CrossingKind.Rows ? RowsOf(crossing, index) : Buffer(crossing));
        }

        part.Executor.Run();
        foreach ((Crossing crossing, ValueId id) in cut.Taken)
        {
            if (crossing.Kind == CrossingKind.Sum && Folds)
            {
                ShareFold fold = FoldOf(crossing.Value);
                float[] share = fold.Next();
                part.Executor.Read(id, share);
                fold.Add(share);
                continue;
            }

            part.Executor.Read(id, crossing.Kind == CrossingKind.Rows ? RowsOf(crossing, index) : Buffer(crossing with { Part = index }));
        }
    }

    private void RunJoin(LoadedGraph join, CutGraph cut, Batch batch)
    {
        join.Write(batch);
        foreach ((Crossing crossing, _) in cut.Given.Where(given => given.Crossing.Kind == CrossingKind.Rows))
        {
            TakeOwnData(crossing, batch);
            _fabric?.AllGather(MemoryMarshal.AsBytes(Buffer(crossing).AsSpan()));
        }

        GatherSums(cut);
        foreach ((Crossing crossing, ValueId id) in cut.Given)
        {
            join.Executor.Write(id, Buffer(crossing));
        }

        join.Executor.Run();
        foreach ((Crossing crossing, ValueId id) in cut.Taken)
        {
            join.Executor.Read(id, Buffer(crossing));
        }
    }

    /// <summary>Shares of sums: own ones go to all others, theirs come here.</summary>
    private void GatherSums(CutGraph cut)
    {
        if (_fabric is null)
        {
            return;
        }

        Crossing[] sums = [.. cut.Given.Select(given => given.Crossing).Where(crossing => crossing.Kind == CrossingKind.Sum && crossing.Part == 0)];
        if (_arrival is not null)
        {
            _arrival.Sum([.. sums.Select(crossing => crossing.Value)], value => Buffer(ShareOf(value, FirstShare)), TakeSum, _fabric);
            return;
        }

        foreach (Crossing crossing in sums)
        {
            for (int own = 0; own < OwnShares; own++)
            {
                float[] share = Buffer(crossing with { Part = FirstShare + own });
                for (int other = 0; other < _fabric.Sockets; other++)
                {
                    if (other != _fabric.Socket)
                    {
                        _fabric.Send(other, MemoryMarshal.AsBytes<float>(share));
                    }
                }
            }

            for (int index = 0; index < _shares; index++)
            {
                if (index / OwnShares != _fabric.Socket)
                {
                    _fabric.Receive(index / OwnShares, MemoryMarshal.AsBytes(Buffer(crossing with { Part = index }).AsSpan()));
                }
            }
        }
    }

    /// <summary>The sum of all shares as the first one, and zeros for the rest, so that the join adds nothing to it.</summary>
    private void TakeSum(ValueId value, float[] sum)
    {
        sum.CopyTo(Buffer(ShareOf(value, 0)), 0);
        for (int share = 1; share < _shares; share++)
        {
            Buffer(ShareOf(value, share)).AsSpan().Clear();
        }
    }

    private static Crossing ShareOf(ValueId value, int share) => new(value, CrossingKind.Sum, share);

    private ShareFold FoldOf(ValueId value)
    {
        if (!_folds.TryGetValue(value, out ShareFold? fold))
        {
            fold = new ShareFold(checked((int)_whole.Graph[value].Type.CountWords));
            _folds.Add(value, fold);
        }

        return fold;
    }

    /// <summary>A data input that a join takes: this RDU has its own parts' samples only.</summary>
    private void TakeOwnData(Crossing crossing, Batch batch)
    {
        Value value = _whole.Graph[crossing.Value];
        if (value.Role != ValueRole.Input)
        {
            return;
        }

        BatchField field = batch[value.Name];
        int first = FirstPart * PartSamples * field.Width;
        int count = _ownParts * PartSamples * field.Width;
        Span<float> own = Buffer(crossing).AsSpan(first, count);
        if (value.Type.Element == ElementType.Float32)
        {
            field.Floats.AsSpan(first, count).CopyTo(own);
        }
        else
        {
            // Words are words: an integer's bits go as they are.
            MemoryMarshal.Cast<int, float>(field.Integers.AsSpan(first, count)).CopyTo(own);
        }
    }

    private Span<float> RowsOf(Crossing crossing, int part)
    {
        float[] all = Buffer(crossing);
        int share = all.Length / _parts;
        return all.AsSpan(part * share, share);
    }

    private float[] Buffer(Crossing crossing)
    {
        if (!_buffers.TryGetValue(crossing, out float[]? buffer))
        {
            // Pairs of bf16 cross as the floats that they are.
            TensorType type = _whole.Graph[crossing.Value].Type;
            buffer = new float[type.IsPaired ? type.CountElements : type.CountWords];
            _buffers.Add(crossing, buffer);
        }

        return buffer;
    }

    private ModelGraph ModelGraphOf(CutGraph cut)
    {
        Dictionary<ValueId, ValueId> here = cut.Original.ToDictionary(pair => pair.Value, pair => pair.Key);
        return new ModelGraph(cut.Graph, [.. _whole.Parameters.Select(id => here[id])], [])
        {
            OptimizerStates = [.. _whole.OptimizerStates.Select(id => here[id])],
            Controls = [.. _whole.Controls.Where(control => here.ContainsKey(control.Input)).Select(control => control with { Input = here[control.Input] })],
        };
    }
}
