using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx.Recognition;

/// <summary>Which axes of an imported value stand where in the new graph's tokens [B, T, A · d].</summary>
internal enum HeadForm
{
    /// <summary>[B, T, A, d].</summary>
    Split,

    /// <summary>[B, A, T, d].</summary>
    Heads,

    /// <summary>[B, A, d, T].</summary>
    Turned,
}

/// <summary>
/// The graph that grows, and what each imported value is in it: whole as it was; samples, its elements in the same order, [B, ...] or
/// [B, R / B, ...] of a value [R, ...]; a channel-last image [B, H, W, C] of a value [B, C, H, W]; tokens whose heads it is.
/// </summary>
internal sealed class RecognizedGraph
{
    /// <summary>What is computed when the graph is recognized, of parameters alone: words in all.</summary>
    private const long MaximumFoldedWords = 1 << 20;

    private readonly Graph _source;
    private readonly GraphBuilder _builder = new();
    private readonly Dictionary<ValueId, Node> _producers;
    private readonly Dictionary<ValueId, HostTensor> _known = [];
    private readonly Dictionary<ValueId, HostTensor> _parameters = [];
    private readonly Dictionary<(ValueId Source, string Form), ValueId> _made = [];
    private readonly Dictionary<ValueId, ValueId> _whole = [];
    private readonly Dictionary<ValueId, ValueId> _samples = [];
    private readonly Dictionary<ValueId, ValueId> _images = [];
    private readonly Dictionary<ValueId, (ValueId Tokens, int Heads, HeadForm Form)> _heads = [];

    public RecognizedGraph(OnnxModel model, int batch)
    {
        _source = model.Graph;
        Batch = batch;
        _producers = model.Graph.Nodes.ToDictionary(node => node.Output);
        foreach (Value value in model.Graph.Values)
        {
            if (value.Role == ValueRole.Input)
            {
                _whole.Add(value.Id, _builder.Input(value.Name, value.Type));
            }
            else if (value.Constant is { } constant)
            {
                float[] elements = [.. Enumerable.Repeat(constant, checked((int)value.Type.CountElements))];
                _known.Add(value.Id, HostTensor.Create<float>(elements, [.. value.Type.Shape]));
            }
        }

        foreach ((ValueId id, HostTensor tensor) in model.Parameters)
        {
            _known.Add(id, tensor);
        }

        Fold();
    }

    public int Batch { get; }

    public TensorType TypeOf(ValueId source) => _source[source].Type;

    public TensorType NewTypeOf(ValueId made) => _builder[made];

    public Node? Producer(ValueId source) => _producers.GetValueOrDefault(source);

    /// <summary>The node that computes a value, if it is an application of this operator.</summary>
    public (Node Node, T Operator)? Producer<T>(ValueId source)
        where T : Operator => Producer(source) is { Operator: T op } node ? (node, op) : null;

    public bool IsKnown(ValueId source) => _known.ContainsKey(source);

    public HostTensor? Known(ValueId source) => _known.GetValueOrDefault(source);

    /// <summary>The number that a known tensor of one element is.</summary>
    public double? Number(ValueId source) => Known(source) is { Count: 1, Element: ElementType.Float32 } tensor ? tensor.Span<float>()[0] : null;

    /// <summary>True if the first axis can be the samples.</summary>
    public bool IsBatch(ValueId source) => !IsKnown(source) && TypeOf(source) is { Rank: > 0 } type && type.Shape[0] == Batch;

    /// <summary>True if it is rows of samples, [B · T, N].</summary>
    public bool IsFolded(ValueId source) =>
        !IsKnown(source) && TypeOf(source) is { Rank: 2 } type && type.Shape[0] != Batch && type.Shape[0] > 0 && type.Shape[0] % Batch == 0;

    /// <summary>The shape that a value's samples have: its own, or [B, R / B, ...].</summary>
    public int[] SampleShape(ValueId source)
    {
        int[] shape = [.. TypeOf(source).Shape];
        return shape[0] == Batch ? shape : [Batch, shape[0] / Batch, .. shape.Skip(1)];
    }

    public bool HasSamples(ValueId source) => _samples.ContainsKey(source);

    public bool HasImage(ValueId source) => _images.ContainsKey(source);

    public (ValueId Tokens, int Heads, HeadForm Form)? Heads(ValueId source) =>
        _heads.TryGetValue(source, out (ValueId Tokens, int Heads, HeadForm Form) heads) ? heads : null;

    public void SetWhole(ValueId source, ValueId made) => _whole[source] = made;

    public void SetSamples(ValueId source, ValueId made) => _samples[source] = made;

    public void SetImage(ValueId source, ValueId made) => _images[source] = made;

    public void SetHeads(ValueId source, ValueId tokens, int heads, HeadForm form) => _heads[source] = (tokens, heads, form);

    public ValueId Apply(Operator op, params ReadOnlySpan<ValueId> inputs) => _builder.Apply(op, inputs);

    /// <summary>True if one node alone reads the value, and multiplies it.</summary>
    public bool IsScaledLater(ValueId source)
    {
        Node[] readers = [.. _source.Nodes.Where(node => node.Inputs.Contains(source))];
        return readers is [{ Operator: Multiply }] && !_source.Outputs.Contains(source);
    }

    /// <summary>The type that an operator would give, or null if it does not take these inputs.</summary>
    public TensorType? Infer(Operator op, params ReadOnlySpan<ValueId> inputs)
    {
        TensorType[] types = new TensorType[inputs.Length];
        for (int i = 0; i < types.Length; i++)
        {
            types[i] = _builder[inputs[i]];
        }

        try
        {
            return op.Infer(new OperatorInputs(op.Name, op.Name, types));
        }
        catch (RduException error) when (error.Id == ErrorCatalogue.GraphIllegal)
        {
            return null;
        }
    }

    /// <summary>A parameter made of a known value, once for each form.</summary>
    public ValueId Parameter(ValueId source, string form, Func<HostTensor, HostTensor> make)
    {
        if (!_made.TryGetValue((source, form), out ValueId id))
        {
            HostTensor tensor = make(_known[source]);
            id = _builder.Parameter(form.Length > 0 ? $"{_source[source].Name} {form}" : _source[source].Name, tensor.Type);
            _parameters.Add(id, tensor);
            _made.Add((source, form), id);
        }

        return id;
    }

    /// <summary>A parameter with given elements, once for each name.</summary>
    public ValueId Parameter(string name, HostTensor tensor)
    {
        if (!_made.TryGetValue((default, name), out ValueId id))
        {
            id = _builder.Parameter(name, tensor.Type);
            _parameters.Add(id, tensor);
            _made.Add((default, name), id);
        }

        return id;
    }

    public ValueId Whole(ValueId source)
    {
        if (_whole.TryGetValue(source, out ValueId whole))
        {
            return whole;
        }

        int[] shape = [.. TypeOf(source).Shape];
        if (IsKnown(source))
        {
            whole = Parameter(source, string.Empty, tensor => tensor);
        }
        else if (_samples.TryGetValue(source, out ValueId samples))
        {
            whole = Reshaped(Apply(new SampleView(false), samples), shape);
        }
        else if (_images.TryGetValue(source, out ValueId image))
        {
            whole = Apply(new SampleView(false), image);
            whole = shape[1] == 1 ? Reshaped(whole, shape) : Apply(Transpose.Of(0, 3, 1, 2), whole);
        }
        else
        {
            (ValueId tokens, int heads, HeadForm form) = _heads[source];
            TensorType type = _builder[tokens];
            whole = Reshaped(Apply(new SampleView(false), tokens), [type.Shape[0], type.Shape[1], heads, type.Shape[2] / heads]);
            whole = form switch
            {
                HeadForm.Heads => Apply(Transpose.Of(0, 2, 1, 3), whole),
                HeadForm.Turned => Apply(Transpose.Of(0, 2, 3, 1), whole),
                _ => whole,
            };
        }

        _whole.Add(source, whole);
        return whole;
    }

    /// <summary>The value as samples; its first extent must be the batch or a multiple of it.</summary>
    public ValueId Samples(ValueId source)
    {
        if (!_samples.TryGetValue(source, out ValueId samples))
        {
            int[] shape = SampleShape(source);
            samples = _heads.TryGetValue(source, out (ValueId Tokens, int Heads, HeadForm Form) heads) && heads.Form == HeadForm.Split
                ? ReshapedSamples(heads.Tokens, shape[1..])
                : Apply(new SampleView(true), Reshaped(Whole(source), shape));
            _samples.Add(source, samples);
        }

        return samples;
    }

    /// <summary>A value [B, C, H, W] as a channel-last image.</summary>
    public ValueId Image(ValueId source)
    {
        if (!_images.TryGetValue(source, out ValueId image))
        {
            int[] s = [.. TypeOf(source).Shape];
            ValueId whole = Whole(source);
            image = Apply(new SampleView(true), s[1] == 1 ? Reshaped(whole, [s[0], s[2], s[3], s[1]]) : Apply(Transpose.Of(0, 2, 3, 1), whole));
            _images.Add(source, image);
        }

        return image;
    }

    /// <summary>The samples in another shape of each item, unless they have it.</summary>
    public ValueId ReshapedSamples(ValueId samples, params int[] shape) => _builder[samples].Shape.Skip(1).SequenceEqual(shape)
        ? samples
        : Apply(new SampleReshape(EquatableArray.Create<int>(shape)), samples);

    public ValueId Reshaped(ValueId whole, int[] shape) =>
        _builder[whole].Shape.SequenceEqual(shape) ? whole : Apply(new Reshape(EquatableArray.Create<int>(shape)), whole);

    /// <summary>The model with the new graph.</summary>
    public OnnxModel Finish(OnnxModel model)
    {
        var outputs = new Dictionary<ValueId, ValueId>();
        foreach (OnnxPort port in model.Outputs)
        {
            if (port.Value is { } id)
            {
                outputs[id] = Whole(id);
            }
        }

        Graph graph = GraphPruning.Run(_builder, [.. model.Graph.Outputs.Select(output => outputs[output])], out IReadOnlyDictionary<ValueId, ValueId> mapped);
        OnnxPort Mapped(OnnxPort port, Func<ValueId, ValueId> made) => port.Value is { } id ? port with { Value = mapped[made(id)] } : port;
        return new OnnxModel(
            graph, [.. model.Inputs.Select(port => Mapped(port, id => _whole[id]))], [.. model.Outputs.Select(port => Mapped(port, id => outputs[id]))],
            _parameters.Where(pair => mapped.ContainsKey(pair.Key)).ToDictionary(pair => mapped[pair.Key], pair => pair.Value));
    }

    /// <summary>Computes what depends on parameters alone, if it is little: deviations of norms, masks, positions.</summary>
    private void Fold()
    {
        var folded = new List<Node>();
        var constant = new HashSet<ValueId>(_known.Keys);
        long words = 0;
        foreach (Node node in _source.Nodes)
        {
            long own = TypeOf(node.Output).CountWords + node.Inputs.Where(_known.ContainsKey).Sum(input => TypeOf(input).CountWords);
            if (node.Inputs.All(constant.Contains) && words + own <= MaximumFoldedWords)
            {
                words += own;
                constant.Add(node.Output);
                folded.Add(node);
            }
        }

        if (folded.Count == 0)
        {
            return;
        }

        var part = new GraphBuilder();
        var mapped = new Dictionary<ValueId, ValueId>();
        var given = new Dictionary<ValueId, HostTensor>();
        foreach (Node node in folded)
        {
            foreach (ValueId input in node.Inputs)
            {
                if (!mapped.ContainsKey(input))
                {
                    mapped.Add(input, part.Parameter($"{_source[input].Name}", TypeOf(input)));
                    given.Add(mapped[input], _known[input]);
                }
            }

            mapped.Add(node.Output, part.Apply(node.Operator, [.. node.Inputs.Select(input => mapped[input])]));
        }

        ValueId[] outputs = [.. folded.Select(node => node.Output)];
        HostTensor[] tensors = GraphInterpreter.Run(part.Build([.. outputs.Select(output => mapped[output])]), given);
        for (int i = 0; i < outputs.Length; i++)
        {
            _known.Add(outputs[i], tensors[i]);
        }
    }
}
