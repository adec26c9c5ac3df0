using System.Diagnostics;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx.Import;

/// <summary>What an import shares: the model, its functions, and how much has been built.</summary>
internal sealed class OnnxImport(ModelProto model, string? folder)
{
    /// <summary>Nodes that a model may become once its loops are unrolled and its functions inlined.</summary>
    private const int MaximumNodes = 20_000;

    private int _nodes;

    public string? Folder { get; } = folder;

    public FunctionProto? FindFunction(NodeProto node) => model.Functions.Find(function =>
        function.Name == node.OpType && function.Overload == node.Overload && OnnxScope.DomainOf(function.Domain) == OnnxScope.DomainOf(node.Domain));

    public void CountNode(string where)
    {
        if (++_nodes > MaximumNodes)
        {
            throw new RduException(
                ErrorCatalogue.OperatorNotSupported, where, $"at most {MaximumNodes} nodes when loops are unrolled and functions inlined", "more",
                "use a smaller trip count");
        }
    }
}

/// <summary>
/// The names of one ONNX graph or function body. Builds its nodes in an order in which inputs stand before their uses, those that
/// an output needs and no others.
/// </summary>
internal sealed class OnnxScope
{
    /// <summary>Graphs in graphs and functions in functions.</summary>
    private const int MaximumDepth = 48;

    private readonly OnnxImport _import;
    private readonly OnnxScope? _parent;
    private readonly IReadOnlyDictionary<string, long> _opsets;
    private readonly IReadOnlyDictionary<string, AttributeProto>? _attributes;
    private readonly int _depth;
    private readonly Dictionary<string, OnnxValue> _values = [];
    private readonly Dictionary<string, TensorProto> _initializers = [];
    private Dictionary<string, NodeProto> _producers = [];
    private readonly HashSet<NodeProto> _open = [];

    /// <summary>Inputs of a function that the call leaves out.</summary>
    private readonly HashSet<string> _absent = [string.Empty];

    private OnnxScope(
        OnnxImport import, OnnxScope? parent, IReadOnlyDictionary<string, long> opsets, IReadOnlyDictionary<string, AttributeProto>? attributes, int depth)
    {
        _import = import;
        _parent = parent;
        _opsets = opsets;
        _attributes = attributes;
        _depth = depth;
    }

    public string? Folder => _import.Folder;

    /// <summary>ONNX's own operators have two names for their domain.</summary>
    public static string DomainOf(string domain) => domain == "ai.onnx" ? string.Empty : domain;

    public static OnnxScope Root(OnnxImport import, IReadOnlyList<OperatorSetId> opsets) => new(import, null, OpsetsOf(opsets), null, 0);

    public void Define(string name, OnnxValue value) => _values[name] = value;

    public bool IsDefined(string name) => _values.ContainsKey(name);

    /// <summary>Takes the graph's nodes and initializers, and builds what its outputs need.</summary>
    public IReadOnlyList<OnnxValue> Build(GraphProto graph, OnnxSession session)
    {
        if (graph.SparseInitializers.Count > 0)
        {
            throw new RduException(
                ErrorCatalogue.TypeNotSupported, $"graph {graph.Name}", "dense initializers", "sparse ones", "make them dense");
        }

        foreach (TensorProto initializer in graph.Initializers)
        {
            // A value that was given for an initializer's name stands before it.
            _initializers[initializer.Name] = initializer;
        }

        return Build(graph.Nodes, [.. graph.Outputs.Select(output => output.Name)], session);
    }

    /// <summary>Builds a graph attribute's nodes in a scope of its own, below this one.</summary>
    public IReadOnlyList<OnnxValue> Inline(GraphProto graph, OnnxSession session, IReadOnlyList<OnnxValue> arguments, string where)
    {
        if (arguments.Count != graph.Inputs.Count)
        {
            throw new RduException(
                ErrorCatalogue.OperatorNotSupported, where, $"a graph with {arguments.Count} inputs", $"{graph.Inputs.Count}", "correct the graph");
        }

        _import.CountNode(where);
        OnnxScope scope = Below(_opsets, _attributes, where);
        for (int i = 0; i < arguments.Count; i++)
        {
            scope.Define(graph.Inputs[i].Name, arguments[i]);
        }

        return scope.Build(graph, session);
    }

    public string Describe(NodeProto node)
    {
        string name = node.Name.Length > 0 ? $"'{node.Name}'" : node.Outputs.Count > 0 ? $"of '{node.Outputs[0]}'" : "without a name";
        string domain = DomainOf(node.Domain);
        string opset = _opsets.TryGetValue(domain, out long version) ? $"{version}" : "none";
        return $"node {name} ({node.OpType}, domain {(domain.Length > 0 ? domain : "ai.onnx")}, opset {opset})";
    }

    /// <summary>The attribute that a function's node refers to; null if the call does not give it.</summary>
    public AttributeProto? Resolve(string reference) => _attributes?.GetValueOrDefault(reference);

    private static Dictionary<string, long> OpsetsOf(IReadOnlyList<OperatorSetId> opsets)
    {
        var result = new Dictionary<string, long>();
        foreach (OperatorSetId opset in opsets)
        {
            result[DomainOf(opset.Domain)] = opset.Version;
        }

        return result;
    }

    private IReadOnlyList<OnnxValue> Build(List<NodeProto> nodes, IReadOnlyList<string> outputs, OnnxSession session)
    {
        _producers = [];
        foreach (NodeProto node in nodes)
        {
            foreach (string output in node.Outputs)
            {
                if (output.Length > 0 && !_producers.TryAdd(output, node))
                {
                    throw new RduException(
                        ErrorCatalogue.ModelMalformed, Describe(node), $"one node that computes '{output}'", "two", "export the model again");
                }
            }
        }

        foreach (string output in outputs)
        {
            Require(output, session);
        }

        return [.. outputs.Select(output => Find(output)!)];
    }

    private OnnxScope Below(IReadOnlyDictionary<string, long> opsets, IReadOnlyDictionary<string, AttributeProto>? attributes, string where) =>
        _depth < MaximumDepth
            ? new OnnxScope(_import, this, opsets, attributes, _depth + 1)
            : throw new RduException(
                ErrorCatalogue.OperatorNotSupported, where, $"graphs and functions at most {MaximumDepth} deep", "more", "is a function part of itself?");

    private OnnxValue? Find(string name)
    {
        if (_values.TryGetValue(name, out OnnxValue? value))
        {
            return value;
        }

        if (_initializers.TryGetValue(name, out TensorProto? initializer))
        {
            value = OnnxTensors.ToHost(initializer, Folder, $"initializer '{name}'");
            _values.Add(name, value);
            return value;
        }

        return null;
    }

    /// <summary>Builds all nodes that a value needs, without recursion: models are deep.</summary>
    private void Require(string name, OnnxSession session)
    {
        var pending = new Stack<(OnnxScope Scope, string Name, NodeProto? Reader)>();
        pending.Push((this, name, null));
        while (pending.TryPeek(out (OnnxScope Scope, string Name, NodeProto? Reader) top))
        {
            (OnnxScope scope, string wanted, NodeProto? reader) = top;
            if (scope.Find(wanted) is not null)
            {
                pending.Pop();
                continue;
            }

            if (!scope._producers.TryGetValue(wanted, out NodeProto? producer))
            {
                if (scope._parent is null)
                {
                    throw new RduException(
                        ErrorCatalogue.ModelMalformed, reader is null ? "the graph's outputs" : Describe(reader),
                        $"a node, an input or an initializer '{wanted}'", "none", "export the model again");
                }

                pending.Pop();
                pending.Push((scope._parent, wanted, reader));
                continue;
            }

            List<string> missing = scope.MissingInputs(producer);
            if (missing.Count == 0)
            {
                scope._open.Remove(producer);
                pending.Pop();
                scope.Translate(producer, session);
            }
            else if (scope._open.Add(producer))
            {
                foreach (string input in missing)
                {
                    pending.Push((scope, input, producer));
                }
            }
            else
            {
                throw new RduException(
                    ErrorCatalogue.ModelMalformed, scope.Describe(producer), "a graph without cycles", $"'{missing[0]}' depends on '{wanted}' and it on that",
                    "export the model again");
            }
        }
    }

    /// <summary>Names that a node and the graphs in it read and that nothing has computed yet.</summary>
    private List<string> MissingInputs(NodeProto node)
    {
        var missing = new List<string>();
        foreach (string input in node.Inputs)
        {
            if (!_absent.Contains(input) && !IsAvailable(input))
            {
                missing.Add(input);
            }
        }

        foreach (AttributeProto attribute in node.Attributes)
        {
            if (attribute.Graph is { } graph)
            {
                AddOuterNames(graph, missing, 0);
            }
        }

        return missing;
    }

    /// <summary>Names of this scope that a graph in a node reads.</summary>
    private void AddOuterNames(GraphProto graph, List<string> missing, int depth)
    {
        if (depth > MaximumDepth)
        {
            return;
        }

        var inner = new HashSet<string>(graph.Inputs.Select(input => input.Name));
        inner.UnionWith(graph.Initializers.Select(initializer => initializer.Name));
        inner.UnionWith(graph.Nodes.SelectMany(node => node.Outputs));
        var read = new List<string>();
        foreach (NodeProto node in graph.Nodes)
        {
            read.AddRange(node.Inputs);
            foreach (GraphProto below in node.Attributes.Select(attribute => attribute.Graph).OfType<GraphProto>())
            {
                AddOuterNames(below, read, depth + 1);
            }
        }

        read.AddRange(graph.Outputs.Select(output => output.Name));
        missing.AddRange(read.Where(name => name.Length > 0 && !inner.Contains(name) && _producers.ContainsKey(name) && !IsAvailable(name)));
    }

    private bool IsAvailable(string name)
    {
        for (OnnxScope? scope = this; scope is not null; scope = scope._parent)
        {
            if (scope.Find(name) is not null)
            {
                return true;
            }

            if (scope._producers.ContainsKey(name))
            {
                return false;
            }
        }

        return false;
    }

    private OnnxValue? Lookup(string name)
    {
        for (OnnxScope? scope = this; scope is not null; scope = scope._parent)
        {
            if (scope.Find(name) is { } value)
            {
                return value;
            }
        }

        return null;
    }

    private void Translate(NodeProto node, OnnxSession session)
    {
        string where = Describe(node);
        _import.CountNode(where);
        List<OnnxValue?> inputs = [.. node.Inputs.Select(input => _absent.Contains(input) ? null : Lookup(input))];
        while (inputs.Count > 0 && inputs[^1] is null)
        {
            inputs.RemoveAt(inputs.Count - 1);
        }

        try
        {
            IReadOnlyList<OnnxValue> outputs = _import.FindFunction(node) is { } function
                ? InlineFunction(function, node, inputs, session, where)
                : OnnxTranslator.Translate(node, this, session, _opsets, inputs, where);
            for (int i = 0; i < node.Outputs.Count; i++)
            {
                if (node.Outputs[i].Length > 0)
                {
                    _values[node.Outputs[i]] = i < outputs.Count
                        ? outputs[i]
                        : throw new RduException(ErrorCatalogue.OperatorNotSupported, where, $"at most {outputs.Count} outputs", $"{node.Outputs.Count}", "leave it out");
                }
            }
        }
        catch (RduException error) when (!error.Where.StartsWith("node '", StringComparison.Ordinal) && !error.Where.StartsWith("node of", StringComparison.Ordinal))
        {
            throw error.At($"{where}: {error.Where}");
        }
        catch (Exception error) when (error is OverflowException or OutOfMemoryException)
        {
            throw new RduException(ErrorCatalogue.TensorMalformed, where, $"values of at most {int.MaxValue} elements", "more", "use smaller shapes");
        }
        catch (Exception error) when (error is not (RduException or OnnxValueNeededException or OperationCanceledException))
        {
            // Nothing that a model holds may lead here: what does is a fault of a translation, and is said to be one.
            throw new RduException(
                ErrorCatalogue.ImportFault, where, "a translation that takes or refuses the node",
                $"{error.GetType().Name}{PlaceOf(error)} for {string.Join("; ", inputs.Select(input => input is null ? "none" : session.TypeOf(input).ToString()))}",
                "report it with the model");
        }
    }

    /// <summary>The innermost method of this product that an exception came through.</summary>
    private static string PlaceOf(Exception error)
    {
        foreach (StackFrame frame in new StackTrace(error, fNeedFileInfo: false).GetFrames())
        {
            if (frame.GetMethod() is { DeclaringType: { Namespace: { } space } type } method && space.StartsWith("RduEmu", StringComparison.Ordinal))
            {
                return $" in {type.Name}.{method.Name}";
            }
        }

        return string.Empty;
    }

    private IReadOnlyList<OnnxValue> InlineFunction(
        FunctionProto function, NodeProto node, List<OnnxValue?> inputs, OnnxSession session, string where)
    {
        var attributes = new Dictionary<string, AttributeProto>();
        foreach (AttributeProto attribute in function.Defaults.Concat(node.Attributes))
        {
            AttributeProto? resolved = attribute.Reference.Length > 0 ? Resolve(attribute.Reference) : attribute;
            if (resolved is not null)
            {
                attributes[attribute.Name] = resolved;
            }
        }

        OnnxScope scope = new(_import, null, OpsetsOf(function.OpsetImports), attributes, Below(_opsets, null, where)._depth);
        for (int i = 0; i < function.Inputs.Count; i++)
        {
            if (i < inputs.Count && inputs[i] is { } value)
            {
                scope.Define(function.Inputs[i], value);
            }
            else
            {
                scope._absent.Add(function.Inputs[i]);
            }
        }

        return scope.Build(function.Nodes, function.Outputs, session);
    }
}
