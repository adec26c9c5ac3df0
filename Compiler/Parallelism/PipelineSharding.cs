using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Parallelism;

/// <summary>
/// Layers follow each other over RDUs: each has the parameters of its layers and computes them forward and backward, microbatch by
/// microbatch. The schedule is 1F1B (PipeDream, Narayanan et al., SOSP 2019): after the first microbatches an RDU alternates between a
/// forward and a backward pass, so it keeps the activations of as many microbatches as there are RDUs behind it, and one more.
/// </summary>
/// <remarks>
/// A statistic over the whole batch (batch normalisation) waits for all microbatches: such a graph runs in the order of its layers, with
/// nothing to overlap.
/// </remarks>
public sealed class PipelineSharding : Sharding
{
    private readonly int[] _stages;
    private readonly bool[] _isBackward;
    private readonly Layout[] _layouts;
    private readonly int _microbatches;
    private Dictionary<ValueId, int> _hints = [];

    /// <param name="graph">Any graph over a batch.</param>
    /// <param name="sockets">RDUs, a stage on each.</param>
    /// <param name="microbatches">Equal parts of the batch, one after the other.</param>
    /// <param name="stages">Stages of parameters by name, where another graph has laid them down; null to choose.</param>
    public PipelineSharding(Graph graph, int sockets, int microbatches, IReadOnlyDictionary<string, int>? stages = null)
        : base(graph, sockets)
    {
        _microbatches = microbatches;
        _stages = new int[graph.Values.Count];
        _isBackward = new bool[graph.Values.Count];
        FindBackward();
        PlaceStages(stages);
        _layouts = [.. graph.Values.Select(value => Layout.On(value.Type, _stages[value.Id.Index]))];
        foreach (Value input in graph.Values.Where(value => value.Role == ValueRole.Input && value.Type.HasSamples))
        {
            _layouts[input.Id.Index] = Parts(input.Type, 0) ?? _layouts[input.Id.Index];
        }

        foreach (Node node in graph.Nodes)
        {
            if (Parts(graph[node.Output].Type, _stages[node.Output.Index]) is { } parts && CanBe(node, parts))
            {
                _layouts[node.Output.Index] = parts;
            }
        }

        Stages = graph.Values.Where(value => value.Role == ValueRole.Parameter).ToDictionary(value => value.Name, value => _stages[value.Id.Index]);
    }

    public override bool IsOrdered => true;

    /// <summary>The stage of each parameter, by its name.</summary>
    public IReadOnlyDictionary<string, int> Stages { get; }

    public override Layout LayoutOf(ValueId value) => _layouts[value.Index];

    /// <summary>
    /// Slots of one pass of one microbatch, as if all passes took as long: of S stages the backward pass m of stage s at 2S - 1 - s + 2m, its
    /// forward pass at s + m for the first S - s microbatches, then at s + 2m, between two backward passes. Of one slot the last stage
    /// comes first: what it takes has been sent.
    /// </summary>
    public override long OrderOf(Node node, int piece)
    {
        int stage = _stages[node.Output.Index];
        if (_layouts[node.Output.Index].Pieces.Count == 1)
        {
            return 0;
        }

        int warm = Sockets - stage;
        long forward = piece < warm ? stage + piece : stage + (2L * piece);
        long backward = 2L * Sockets - 1 - stage + (2L * piece);
        return ((_isBackward[node.Output.Index] ? backward : forward) * Sockets) + (Sockets - 1 - stage);
    }

    /// <summary>Microbatches of a value with samples.</summary>
    private Layout? Parts(TensorType type, int socket) =>
        !type.HasSamples || _microbatches == 1 || Layout.Split(type, 0, _microbatches) is not { } parts
            ? null
            : new Layout([.. parts.Pieces.Select(piece => piece with { Socket = socket })]);

    /// <summary>Backward is what follows the first node that takes a loss's gradient: nodes behind the last forward use of a prediction.</summary>
    private void FindBackward()
    {
        Node? seed = Graph.Nodes.FirstOrDefault(node => node.Operator is SampleLossGradient or CrossEntropyGradient or DiceGradient or FocalLossGradient);
        foreach (Node node in Graph.Nodes)
        {
            _isBackward[node.Output.Index] = seed is not null && node.Id.Index >= seed.Id.Index;
        }
    }

    private void PlaceStages(IReadOnlyDictionary<string, int>? known)
    {
        // Forward nodes in order, by operations: a stage ends where its share of them is done.
        var stageOf = new Dictionary<ValueId, int>();
        long[] operations = [.. Graph.Nodes.Select(node => _isBackward[node.Output.Index] ? 0 : CountOf(node))];
        long all = Math.Max(1, operations.Sum());
        long done = 0;
        foreach (Node node in Graph.Nodes.Where(node => !_isBackward[node.Output.Index]))
        {
            int stage = (int)Math.Min(Sockets - 1, (done + (operations[node.Id.Index] / 2)) * Sockets / all);
            ValueId[] parameters = [.. node.Inputs.Where(input => Graph[input].Role == ValueRole.Parameter)];
            foreach (ValueId parameter in parameters)
            {
                int given = known?.GetValueOrDefault(Graph[parameter].Name, stage) ?? stage;
                stageOf.TryAdd(parameter, given);
            }

            // Layers go forward only: a stage is not below that of what it reads.
            int least = node.Inputs.Where(input => Graph[input].Role == ValueRole.Computed).Select(input => _stages[input.Index]).DefaultIfEmpty(0).Max();
            _stages[node.Output.Index] = parameters.Length > 0 ? stageOf[parameters[0]] : node.Inputs.Any(input => Graph[input].Role == ValueRole.Computed) ? least : stage;
            done += operations[node.Id.Index];
        }

        PlaceSteps(stageOf);
        foreach ((ValueId parameter, int stage) in stageOf)
        {
            _stages[parameter.Index] = stage;
        }

        PlaceBackward();
    }

    /// <summary>What updates a parameter is where it is: its gradient and its states too.</summary>
    private void PlaceSteps(Dictionary<ValueId, int> stageOf)
    {
        var hints = new Dictionary<ValueId, int>();
        foreach (Update update in Graph.Updates)
        {
            if (stageOf.TryGetValue(update.Parameter, out int stage))
            {
                hints.TryAdd(update.Value, stage);
            }
        }

        foreach (Node node in Graph.Nodes.Reverse())
        {
            if (!hints.TryGetValue(node.Output, out int stage) || Graph[node.Output].Type.HasSamples)
            {
                continue;
            }

            foreach (ValueId input in node.Inputs.Where(input => !Graph[input].Type.HasSamples))
            {
                if (Graph[input].Role == ValueRole.Parameter)
                {
                    stageOf.TryAdd(input, stage);
                }
                else if (Graph[input].Type.CountElements > 1)
                {
                    hints.TryAdd(input, stage);
                }
            }
        }

        _hints = hints;
    }

    private void PlaceBackward()
    {
        foreach (Node node in Graph.Nodes.Where(node => _isBackward[node.Output.Index]))
        {
            int[] parameters = [.. node.Inputs.Where(input => Graph[input].Role == ValueRole.Parameter).Select(input => _stages[input.Index])];
            int[] forward = [.. node.Inputs.Where(input => Graph[input].Role == ValueRole.Computed && !_isBackward[input.Index]).Select(input => _stages[input.Index])];
            int[] backward = [.. node.Inputs.Where(input => Graph[input].Role == ValueRole.Computed && _isBackward[input.Index]).Select(input => _stages[input.Index])];
            _stages[node.Output.Index] = _hints.TryGetValue(node.Output, out int hint) ? hint
                : parameters.Length > 0 ? parameters[0]
                : forward.Length > 0 ? forward.Max()
                : backward.Length > 0 ? backward.Min() : 0;
        }
    }

    private long CountOf(Node node) =>
        node.Operator.CountOperations(new OperatorInputs(node.Name, node.Operator.Name, [.. node.Inputs.Select(input => Graph[input].Type)]));
}
