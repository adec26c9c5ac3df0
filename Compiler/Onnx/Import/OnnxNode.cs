using System.Text;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx.Import;

/// <summary>
/// One node of an ONNX graph, as a translation sees it: typed inputs, attributes, and the graph that grows. An attribute that a
/// translation does not read is an error, so that none is passed over in silence.
/// </summary>
public sealed class OnnxNode
{
    /// <summary>Nodes that a graph may have once its sequences are unrolled.</summary>
    private const int MaximumNodes = 50_000;

    private readonly NodeProto _proto;
    private readonly OnnxScope _scope;
    private readonly IReadOnlyList<OnnxValue?> _inputs;
    private readonly HashSet<string> _read = [];

    internal OnnxNode(NodeProto proto, OnnxScope scope, OnnxSession session, long opset, IReadOnlyList<OnnxValue?> inputs)
    {
        _proto = proto;
        _scope = scope;
        _inputs = inputs;
        Session = session;
        Opset = opset;
    }

    public string OpType => _proto.OpType;

    public string Domain => OnnxScope.DomainOf(_proto.Domain);

    /// <summary>For people: name, operator, domain and opset.</summary>
    public string Where => _scope.Describe(_proto);

    public long Opset { get; }

    /// <summary>The graph that grows.</summary>
    public OnnxSession Session { get; }

    public GraphBuilder Builder => Session.Builder;

    /// <summary>Inputs up to the last one that is there.</summary>
    public int InputCount => _inputs.Count;

    public int OutputCount => _proto.Outputs.Count;

    /// <summary>An input as a value of the graph.</summary>
    /// <exception cref="RduException">RDU0422: it is not there.</exception>
    public ValueId this[int index] => Session.IdOf(Value(index));

    public bool HasInput(int index) => index < _inputs.Count && _inputs[index] is not null;

    /// <summary>True if anything could read the output.</summary>
    public bool WantsOutput(int index) => index < _proto.Outputs.Count && _proto.Outputs[index].Length > 0;

    /// <exception cref="RduException">RDU0422: the input is not there.</exception>
    public OnnxValue Value(int index) => HasInput(index)
        ? _inputs[index]!
        : throw Unsupported($"an input {index}", $"{_inputs.Count} inputs");

    /// <summary>All inputs, which must all be there.</summary>
    public ValueId[] Inputs() => [.. Enumerable.Range(0, InputCount).Select(i => this[i])];

    public TensorType TypeOf(int index) => Session.TypeOf(Value(index));

    public TensorType TypeOf(ValueId id) => Builder[id];

    /// <summary>The type of an input that must have one of these ranks.</summary>
    /// <exception cref="RduException">RDU0422: it has another.</exception>
    public TensorType RequireRank(int index, params ReadOnlySpan<int> ranks)
    {
        TensorType type = TypeOf(index);
        return ranks.Contains(type.Rank) ? type : throw Unsupported($"an input {index} of rank {string.Join(" or ", ranks.ToArray())}", type.ToString());
    }

    /// <summary>Adds a node to the graph.</summary>
    /// <exception cref="RduException">RDU0401: the operator does not take these inputs. RDU0422: the graph or the value is too large, as in a model that is broken.</exception>
    public ValueId Apply(Operator op, params ReadOnlySpan<ValueId> inputs)
    {
        if (Builder.Nodes.Count >= MaximumNodes)
        {
            throw Unsupported($"a graph of at most {MaximumNodes} nodes", "more");
        }

        ValueId output = Builder.Apply(op, inputs);
        return Builder[output].CountWords <= int.MaxValue ? output : throw Unsupported($"values of at most {int.MaxValue} words", Builder[output].ToString());
    }

    public ValueId Constant(HostTensor tensor) => Session.Materialize(tensor);

    /// <summary>A known tensor is reshaped at once, a value of the graph by a node, unless it has the shape already.</summary>
    public OnnxValue Reshape(OnnxValue value, params int[] shape)
    {
        TensorType type = Session.TypeOf(value);
        EquatableArray<int> wanted = EquatableArray.Create<int>(shape);
        if (type.CountElements != (type with { Shape = wanted }).CountElements)
        {
            throw Unsupported($"a shape for {type.CountElements} elements", $"{wanted}");
        }

        return type.Shape == wanted ? value
            : value.Known is { } known ? known.Reshape(shape)
            : Apply(new Reshape(wanted), value.Id!.Value);
    }

    /// <inheritdoc cref="Reshape(OnnxValue, int[])"/>
    public ValueId Reshape(ValueId value, params int[] shape) => Session.IdOf(Reshape((OnnxValue)value, shape));

    /// <summary>A value repeated to a shape, unless it has it already.</summary>
    public ValueId Expand(ValueId value, params int[] shape)
    {
        EquatableArray<int> wanted = EquatableArray.Create<int>(shape);
        return TypeOf(value).Shape == wanted ? value : Apply(new Expand(wanted), value);
    }

    /// <summary>A tensor all of whose elements are one: known if it is small, else expanded when it is needed.</summary>
    public OnnxValue Filled(HostTensor element, params int[] shape)
    {
        const long maximumKnownElements = 1 << 16;
        TensorType type = TensorType.Whole(element.Element, shape);
        if (type.CountElements > maximumKnownElements)
        {
            return Expand(Constant(element.Reshape()), shape);
        }

        var bytes = new byte[type.CountElements * element.Element.SizeBytes()];
        for (int at = 0; at < bytes.Length; at += element.Bytes.Length)
        {
            element.Bytes.CopyTo(bytes.AsSpan(at));
        }

        return new HostTensor(type, bytes);
    }

    /// <summary>A count of entries that a translation spells out.</summary>
    /// <exception cref="RduException">RDU0422: negative, or too many.</exception>
    public int RequireTable(long entries)
    {
        const int maximum = 1 << 22;
        return entries is >= 0 and <= maximum ? (int)entries : throw Unsupported($"axes of at most {maximum} entries", $"{entries}");
    }

    /// <summary>0, 1, 2, ... as a value of a shape with one axis of more than one entry.</summary>
    public ValueId Positions(int count, params ReadOnlySpan<int> shape) =>
        Constant(HostTensor.Create<long>([.. Enumerable.Range(0, RequireTable(count)).Select(i => (long)i)], shape));

    /// <summary>An extent that a model computes.</summary>
    /// <exception cref="RduException">RDU0422: negative, or too large.</exception>
    public int Extent(long extent) => extent is >= 0 and <= int.MaxValue ? (int)extent : throw Unsupported($"extents from 0 to {int.MaxValue}", $"{extent}");

    /// <summary>An input's tensor if it is known at compile time, else null.</summary>
    public HostTensor? TryKnown(int index) => HasInput(index) ? Session.Evaluate(Value(index), out _) : null;

    /// <summary>An input's tensor, which must be known at compile time.</summary>
    /// <param name="index">Which input.</param>
    /// <param name="what">What it is, for the error message.</param>
    /// <exception cref="OnnxValueNeededException">It depends on inputs of the model.</exception>
    public HostTensor Known(int index, string what) => Known(Value(index), what);

    /// <inheritdoc cref="Known(int, string)"/>
    public HostTensor Known(OnnxValue value, string what) => Session.Evaluate(value, out IReadOnlyList<ValueId> inputs)
        ?? throw new OnnxValueNeededException(
            [.. inputs.Select(Builder.NameOf)],
            new RduException(
                ErrorCatalogue.ValueNotKnown, Where, $"{what} that is known when the model is compiled",
                $"one that depends on {string.Join(", ", inputs.Select(Builder.NameOf))}", "give these inputs when the model is compiled"));

    /// <summary>An input's integers, which must be known at compile time.</summary>
    /// <exception cref="OnnxValueNeededException">They depend on inputs of the model.</exception>
    public long[] KnownIntegers(int index, string what) => Known(index, what).ToIntegers();

    /// <summary>The first of an input's integers, which must be known at compile time.</summary>
    /// <exception cref="RduException">RDU0422: there is none.</exception>
    /// <exception cref="OnnxValueNeededException">It depends on inputs of the model.</exception>
    public long KnownInteger(int index, string what) => KnownIntegers(index, what) is [long first, ..] ? first : throw Unsupported($"{what}, one number", "none");

    /// <inheritdoc cref="KnownInteger"/>
    public double KnownNumber(int index, string what) => Known(index, what).ToDoubles() is [double first, ..] ? first : throw Unsupported($"{what}, one number", "none");

    public bool HasAttribute(string name) => Find(name) is not null;

    public long Integer(string name, long otherwise) => Find(name, AttributeKind.Int) is { } found ? found.Int ?? 0 : otherwise;

    public bool Flag(string name, bool otherwise = false) => Integer(name, otherwise ? 1 : 0) != 0;

    public float Float(string name, float otherwise) => Find(name, AttributeKind.Float) is { } found ? found.Float ?? 0f : otherwise;

    public string Text(string name, string otherwise) =>
        Find(name, AttributeKind.String) is { } found ? Encoding.UTF8.GetString(found.Text ?? []) : otherwise;

    /// <summary>A list of integers, or null if the attribute is not there.</summary>
    public long[]? Integers(string name) => Find(name, AttributeKind.Ints) is { } found ? [.. found.Ints] : null;

    public float[]? Floats(string name) => Find(name, AttributeKind.Floats) is { } found ? [.. found.Floats] : null;

    public string[]? Texts(string name) =>
        Find(name, AttributeKind.Strings) is { } found ? [.. found.Texts.Select(text => Encoding.UTF8.GetString(text))] : null;

    public HostTensor? Tensor(string name) => Find(name, AttributeKind.Tensor) is { } found
        ? OnnxTensors.ToHost(found.Tensor ?? new TensorProto(), _scope.Folder, $"{Where}, attribute {name}")
        : null;

    /// <summary>The element type that an attribute names by its number in ONNX.</summary>
    public ElementType? TypeAttribute(string name) =>
        Find(name, AttributeKind.Int) is { } found ? OnnxTensors.ElementOf((TensorKind)(found.Int ?? 0), $"{Where}, attribute {name}") : null;

    /// <summary>An axis as a position: negative ones count from the end.</summary>
    /// <exception cref="RduException">RDU0422: there is no such axis.</exception>
    public int Axis(long axis, int rank) => axis >= -rank && axis < rank
        ? (int)(axis < 0 ? axis + rank : axis)
        : throw Unsupported($"an axis of {rank}", $"{axis}");

    /// <summary>Attributes that say nothing about the result.</summary>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            _read.Add(name);
        }
    }

    public RduException Unsupported(string expected, string got) =>
        new(ErrorCatalogue.OperatorNotSupported, Where, expected, got, "express it by other operators");

    /// <summary>Builds a graph attribute's nodes at this place.</summary>
    /// <param name="attribute">The attribute's name.</param>
    /// <param name="arguments">One value for each input of the graph.</param>
    /// <returns>One value for each output of the graph.</returns>
    public IReadOnlyList<OnnxValue> Inline(string attribute, params ReadOnlySpan<OnnxValue> arguments)
    {
        GraphProto graph = Find(attribute, AttributeKind.Graph)?.Graph ?? throw Unsupported($"a graph {attribute}", "none");
        return _scope.Inline(graph, Session, arguments.ToArray(), Where);
    }

    /// <summary>The inputs of a graph attribute.</summary>
    public int CountGraphInputs(string attribute) => Find(attribute, AttributeKind.Graph)?.Graph?.Inputs.Count ?? 0;

    internal void RequireAllRead()
    {
        foreach (AttributeProto attribute in _proto.Attributes)
        {
            if (!_read.Contains(attribute.Name))
            {
                throw Unsupported("attributes of the operator", attribute.Name);
            }
        }
    }

    private AttributeProto? Find(string name, AttributeKind kind)
    {
        AttributeProto? found = Find(name);
        return found is null || found.Kind == kind || found.Kind == AttributeKind.Undefined
            ? found
            : throw Unsupported($"{name} of kind {kind}", $"{found.Kind}");
    }

    private AttributeProto? Find(string name)
    {
        _read.Add(name);
        AttributeProto? found = _proto.Attributes.Find(attribute => attribute.Name == name);
        return found is { Reference.Length: > 0 } ? _scope.Resolve(found.Reference) : found;
    }
}

/// <summary>A shape or another property of the graph depends on inputs of the model: with their tensors it can be compiled.</summary>
public sealed class OnnxValueNeededException(IReadOnlyList<string> inputs, RduException error) : Exception(error.Message)
{
    public IReadOnlyList<string> Inputs { get; } = inputs;

    public RduException Error { get; } = error;
}
