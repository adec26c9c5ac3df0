using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates.Round;

namespace RduEmu.Compiler.Precision;

/// <summary>A graph that stores bf16, and where the values of the float32 graph are in it.</summary>
/// <param name="Graph">The new graph.</param>
/// <param name="Mapped">For each value of the old graph its value in the new one, before it is rounded.</param>
/// <param name="Rounded">What some of them are stored as, pairs of bf16.</param>
/// <param name="NodesBefore">For each node of the old graph how many nodes of the new one stand before it.</param>
/// <param name="Step">The input [1] that takes the step, which rounded weights count by; null if nothing needs it.</param>
public sealed record PrecisionResult(Graph Graph, IReadOnlyDictionary<ValueId, ValueId> Mapped, IReadOnlyDictionary<ValueId, ValueId> Rounded, IReadOnlyList<int> NodesBefore, ValueId? Step);

/// <summary>
/// Puts roundings to bf16 into a float32 graph, behind what makes a value, and widenings before each that reads it: storage is bf16,
/// arithmetic stays binary32. So the bits are the graph's, whatever is fused, tiled or split.
/// </summary>
/// <example>
/// mp4: y = Linear(x, w), z = Gelu(AddBias(y, b)) --> y = Linear(Widen(x'), Widen(w')), z' = Round(Gelu(AddBias(y, b))).
/// </example>
/// <remarks>
/// Stay float32: inputs; losses and whole sums (statistics of a normalisation, gradients of weights, norms); optimiser states,
/// vectors of parameters (biases, gains) and tables of embedding bags; the graph's outputs; and every value whose rows have an odd
/// number of columns, because two elements share a word. Under mp4 a value that one elementwise operator alone reads, element by
/// element, is not rounded: it never leaves the pipeline.
/// </remarks>
public sealed class MixedPrecision
{
    /// <summary>Set apart from the streams of first values, dropouts and data.</summary>
    private const int FirstStream = 0x4246_0000;

    private const string StepName = "rounding.step";

    private readonly Graph _graph;
    private readonly PrecisionPolicy _policy;
    private readonly GraphBuilder _builder = new();
    private readonly Dictionary<ValueId, ValueId> _here = [];
    private readonly Dictionary<ValueId, ValueId> _rounded = [];
    private readonly Dictionary<ValueId, List<(Node Node, int Input)>> _readers = [];
    private readonly HashSet<ValueId> _storedWeights = [];
    private readonly HashSet<ValueId> _outputs;
    private readonly string _numbersName;
    private ValueId? _numbers;
    private ValueId? _step;
    private readonly List<int> _nodesBefore = [];
    private int _streams;

    private MixedPrecision(Graph graph, PrecisionPolicy policy, IReadOnlyCollection<ValueId> weights, string numbersName)
    {
        _graph = graph;
        _policy = policy;
        _numbersName = numbersName;
        _outputs = [.. graph.Outputs];
        foreach (Node node in graph.Nodes)
        {
            for (int i = 0; i < node.Inputs.Count; i++)
            {
                (_readers.TryGetValue(node.Inputs[i], out var readers) ? readers : _readers[node.Inputs[i]] = []).Add((node, i));
            }
        }

        if (policy is { Preset: PrecisionPreset.Mp4, HasMasters: false })
        {
            _storedWeights.UnionWith(weights.Where(weight => graph[weight].Type.CanBePaired && !ReadersOf(weight).Any(reader => reader.Node.Operator is EmbeddingBag)));
        }
    }

    /// <param name="graph">A float32 graph: of a training step, or for predictions.</param>
    /// <param name="policy">What becomes bf16.</param>
    /// <param name="weights">Parameters that are trained: not optimiser states, not running statistics.</param>
    /// <param name="numbersName">The input, integers [B, 1], with the number of each sample in the training; made if it is not there.</param>
    public static PrecisionResult Run(Graph graph, PrecisionPolicy policy, IReadOnlyCollection<ValueId> weights, string numbersName) =>
        new MixedPrecision(graph, policy, weights, numbersName).Build();

    private PrecisionResult Build()
    {
        foreach (Value value in _graph.Values)
        {
            switch (value.Role)
            {
                case ValueRole.Input:
                    _here.Add(value.Id, _builder.Input(value.Name, value.Type));
                    _numbers = value.Name == _numbersName ? _here[value.Id] : _numbers;
                    break;
                case ValueRole.Parameter:
                    _here.Add(value.Id, _builder.Parameter(value.Name, _storedWeights.Contains(value.Id) ? value.Type.Paired() : value.Type));
                    break;
                case ValueRole.Constant:
                    _here.Add(value.Id, _builder.Constant(value.Name, value.Type, value.Constant!.Value));
                    break;
                default:
                    break;
            }
        }

        foreach (Node node in _graph.Nodes)
        {
            _nodesBefore.Add(_builder.Nodes.Count);
            ValueId output = _builder.Apply(node, [.. Enumerable.Range(0, node.Inputs.Count).Select(i => Read(node, i))]);
            _here.Add(node.Output, output);
            if (_policy.Preset == PrecisionPreset.Mp4 && IsStoredByMp4(node))
            {
                Round(node.Output, OnlyMoves(node));
            }
        }

        foreach (Update update in _graph.Updates)
        {
            ValueId value = _here[update.Value];
            _builder.Update(_here[update.Parameter], _storedWeights.Contains(update.Parameter) ? Rounded(value, isExact: false, ref _step) : value);
        }

        return new PrecisionResult(_builder.Build([.. _graph.Outputs.Select(output => _here[output])]), _here, _rounded, _nodesBefore, _step);
    }

    /// <summary>What a node reads at a position, in the new graph.</summary>
    private ValueId Read(Node node, int input)
    {
        ValueId value = node.Inputs[input];
        if (_storedWeights.Contains(value))
        {
            return _builder.Apply(new WidenBFloat16(), _here[value]);
        }

        if (_policy.Preset != PrecisionPreset.Mp0 && node.Operator.PackedInput == input)
        {
            return _builder.Apply(new BFloat16Weight(), _here[value]);
        }

        if (_policy.Preset == PrecisionPreset.Mp1 && IsProduct(node.Operator) && CanBeStored(value) && !_rounded.ContainsKey(value))
        {
            Round(value, isExact: false);
        }

        bool readsRounded = _policy.Preset == PrecisionPreset.Mp1 ? IsProduct(node.Operator) : _rounded.ContainsKey(value);
        return readsRounded && _rounded.TryGetValue(value, out ValueId pairs) ? _builder.Apply(new WidenBFloat16(), pairs) : _here[value];
    }

    private void Round(ValueId value, bool isExact) => _rounded.Add(value, Rounded(_here[value], isExact, ref _numbers));

    /// <param name="value">Of the new graph.</param>
    /// <param name="isExact">True if it is a bf16 already: nothing is drawn.</param>
    /// <param name="counted">What stochastic rounding counts by; made at its first use.</param>
    private ValueId Rounded(ValueId value, bool isExact, ref ValueId? counted)
    {
        int stream = FirstStream + _streams++;
        if (isExact || _policy.Rounding == RoundingKind.Nearest)
        {
            return _builder.Apply(new RoundToBFloat16(RoundingKind.Nearest, _policy.Seed, stream), value);
        }

        TensorType type = _builder[value];
        counted ??= type.HasSamples
            ? _builder.Input(_numbersName, TensorType.Samples(type.Shape[0], 1) with { Element = ElementType.Int32 })
            : _builder.Input(StepName, TensorType.Whole(ElementType.Int32, 1));
        return _builder.Apply(new RoundToBFloat16(RoundingKind.Stochastic, _policy.Seed, stream), value, counted.Value);
    }

    private bool CanBeStored(ValueId value) => _graph[value].Type is { HasSamples: true, CanBePaired: true };

    private bool IsStoredByMp4(Node node)
    {
        if (!CanBeStored(node.Output))
        {
            return false;
        }

        List<(Node Node, int Input)> readers = ReadersOf(node.Output);
        bool staysInPipeline = readers.Count == 1 && !_outputs.Contains(node.Output)
            && readers[0].Node.Operator is ElementwiseOperator op && op.Access(readers[0].Input) == SlotAccess.Full
            && _graph[readers[0].Node.Output].Type == _graph[node.Output].Type;
        return readers.Count > 0 && !staysInPipeline;
    }

    /// <summary>True if the node's output is a bf16 because it only moves elements of others that are.</summary>
    private bool OnlyMoves(Node node) =>
        node.Operator.OnlyMoves && node.Inputs.All(input => _rounded.ContainsKey(input) || _storedWeights.Contains(input) || !_graph[input].Type.Element.IsFloat());

    private static bool IsProduct(Operator op) => op is Linear or LinearInputGradient or LinearWeightGradient or HeadMatMul or SampleMatMul
        or ImageConvolution or ImageConvolutionTransposed or ImageFilterGradient;

    private List<(Node Node, int Input)> ReadersOf(ValueId value) => _readers.GetValueOrDefault(value, []);
}
