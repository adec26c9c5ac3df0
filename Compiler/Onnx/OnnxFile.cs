using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Onnx.Recognition;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx;

/// <summary>An input as an ONNX file declares it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Dimensions">An extent, a name or "?" for each axis; null if not even the rank is said.</param>
public sealed record OnnxInput(string Name, IReadOnlyList<string>? Dimensions);

/// <summary>An ONNX file that has been read, to be imported for given shapes.</summary>
public sealed class OnnxFile
{
    /// <summary>IR versions of ONNX that are known: the first ones differ from 3 (2017) only by what a model may leave out.</summary>
    private const long FirstIrVersion = 1;
    private const long LastIrVersion = 13;

    private readonly ModelProto _model;
    private readonly string? _folder;
    private readonly string _name;

    private OnnxFile(ModelProto model, string name, string? folder)
    {
        _model = model;
        _name = name;
        _folder = folder;
        if (model.IrVersion is < FirstIrVersion or > LastIrVersion)
        {
            throw new RduException(
                ErrorCatalogue.ModelMalformed, name, $"an IR version from {FirstIrVersion} to {LastIrVersion}", $"{model.IrVersion}", "export the model again");
        }

        Inputs = [.. RuntimeInputs().Select(input => new OnnxInput(input.Name, Dimensions(input)))];
    }

    /// <summary>Inputs that are given for every run: those that have no initializer.</summary>
    public IReadOnlyList<OnnxInput> Inputs { get; }

    /// <exception cref="RduException">RDU0101: the file cannot be read. RDU0121: it is no model.</exception>
    public static OnnxFile Open(string path) =>
        new(OnnxReader.ReadModel(path), path, Path.GetDirectoryName(Path.GetFullPath(path)));

    /// <summary>A model from a stream; it has no folder, so external data are refused.</summary>
    /// <inheritdoc cref="Open(string)"/>
    public static OnnxFile Read(Stream stream, string name) => new(OnnxReader.Read<ModelProto>(stream, name), name, null);

    /// <summary>A tensor that stands by itself in a file.</summary>
    /// <exception cref="RduException">RDU0101: the file cannot be read. RDU0121, RDU0123: it is no tensor. RDU0423: of no supported type.</exception>
    public static HostTensor ReadTensor(string path) => OnnxTensors.ToHost(OnnxReader.Read<TensorProto>(path), null, path);

    /// <summary>A tensor as the bytes of a file.</summary>
    public static byte[] ToBytes(HostTensor tensor, string name)
    {
        var proto = new TensorProto { Name = name, Kind = OnnxTensors.KindOf(tensor.Element), RawData = tensor.Element.IsNarrow() ? OnnxTensors.Packed(tensor) : tensor.Bytes.ToArray() };
        proto.Dims.AddRange(tensor.Shape.Select(extent => (long)extent));
        using var stream = new MemoryStream();
        ProtoBuf.Serializer.Serialize(stream, proto);
        return stream.ToArray();
    }

    /// <exception cref="RduException">RDU0423: an input or output is no tensor of a supported type.</exception>
    public void RequireTensors()
    {
        foreach ((ValueInfoProto port, string where) in _model.Graph.Inputs.Select(input => (input, $"input '{input.Name}'"))
            .Concat(_model.Graph.Outputs.Select(output => (output, $"output '{output.Name}'"))))
        {
            if (port.Type is { Tensor: null } type)
            {
                throw NoTensor(where, type);
            }

            if (port.Type.Tensor is { Kind: not TensorKind.Undefined } tensor)
            {
                OnnxTensors.ElementOf(tensor.Kind, where);
            }
        }
    }

    /// <summary>The model as a graph.</summary>
    /// <exception cref="RduException">RDU0121 to RDU0123: it is broken. RDU0421 to RDU0425: it cannot be compiled, with the node and the reason.</exception>
    /// <exception cref="OnnxValueNeededException">A shape depends on inputs whose tensors were not given.</exception>
    public OnnxModel Import(OnnxImportOptions options)
    {
        var session = new OnnxSession();

        // The first models named no operator set: they mean the first one.
        List<OperatorSetId> opsets = _model.OpsetImports.Count > 0 ? _model.OpsetImports : [new OperatorSetId { Version = 1 }];
        var scope = OnnxScope.Root(new OnnxImport(_model, _folder), opsets);
        var bound = new Dictionary<string, int>();
        var inputs = new List<OnnxPort>();
        foreach (ValueInfoProto input in RuntimeInputs())
        {
            TensorType type = TypeOf(input, options, bound);
            bool isKnown = options.Known.TryGetValue(input.Name, out HostTensor? known);
            ValueId? id = isKnown ? null : session.Builder.Input(input.Name, type);
            scope.Define(input.Name, isKnown ? known! : id!.Value);
            inputs.Add(new OnnxPort(input.Name, type, id, known));
        }

        if (_model.Graph.Outputs.Count == 0)
        {
            throw new RduException(ErrorCatalogue.ModelMalformed, _name, "a graph with outputs", "none", "export the model again");
        }

        IReadOnlyList<OnnxValue> values = scope.Build(_model.Graph, session);
        var outputs = new List<OnnxPort>();
        for (int i = 0; i < values.Count; i++)
        {
            string name = _model.Graph.Outputs[i].Name;
            ElementType? declared = _model.Graph.Outputs[i].Type?.Tensor is { Kind: not TensorKind.Undefined } tensor
                ? OnnxTensors.ElementOf(tensor.Kind, $"output '{name}'") : null;
            TensorType type = session.TypeOf(values[i]);
            if (declared is { } element && element != type.Element)
            {
                throw new RduException(
                    ErrorCatalogue.TypeNotSupported, $"output '{name}'", $"{element.ShortName()}, as the model says", type.Element.ShortName(), "export the model again");
            }

            outputs.Add(new OnnxPort(name, type, values[i].Id, values[i].Known));
        }

        Graph graph = GraphPruning.Run(
            session.Builder, [.. outputs.Select(output => output.Value).OfType<ValueId>().Distinct()], out IReadOnlyDictionary<ValueId, ValueId> mapped);
        var model = new OnnxModel(
            graph, inputs.ConvertAll(port => Mapped(port, mapped)), outputs.ConvertAll(port => Mapped(port, mapped)),
            session.Parameters.Where(pair => mapped.ContainsKey(pair.Key)).ToDictionary(pair => mapped[pair.Key], pair => pair.Value));
        return options.Recognizes ? GraphRecognition.Run(model) : model;
    }

    private static OnnxPort Mapped(OnnxPort port, IReadOnlyDictionary<ValueId, ValueId> mapped) =>
        port.Value is { } id ? port with { Value = mapped[id] } : port;

    /// <summary>
    /// The model as a graph for these inputs: their shapes are the model's, and those that a shape depends on are compiled in.
    /// </summary>
    /// <param name="given">Tensors by input name; an input that is not among them keeps its declared shape.</param>
    /// <param name="shapes">Shapes of inputs that are not given.</param>
    /// <param name="recognizes">As <see cref="OnnxImportOptions.Recognizes"/>.</param>
    /// <exception cref="RduException">As <see cref="Import"/>; RDU0424 where a shape depends on an input that was not given.</exception>
    public OnnxModel ImportFor(IReadOnlyDictionary<string, HostTensor> given, IReadOnlyDictionary<string, int[]>? shapes = null, bool recognizes = true)
    {
        var allShapes = new Dictionary<string, int[]>(shapes ?? new Dictionary<string, int[]>());
        foreach ((string name, HostTensor tensor) in given)
        {
            allShapes[name] = [.. tensor.Shape];
        }

        var known = new Dictionary<string, HostTensor>();
        while (true)
        {
            try
            {
                return Import(new OnnxImportOptions(allShapes, known) { Recognizes = recognizes });
            }
            catch (OnnxValueNeededException needed)
            {
                string[] more = [.. needed.Inputs.Where(name => given.ContainsKey(name) && !known.ContainsKey(name))];
                if (more.Length < needed.Inputs.Count)
                {
                    throw needed.Error;
                }

                foreach (string name in more)
                {
                    known.Add(name, given[name]);
                }
            }
        }
    }

    private IEnumerable<ValueInfoProto> RuntimeInputs()
    {
        var initialized = new HashSet<string>(_model.Graph.Initializers.Select(initializer => initializer.Name));
        return _model.Graph.Inputs.Where(input => !initialized.Contains(input.Name));
    }

    private static List<string>? Dimensions(ValueInfoProto input) =>
        input.Type?.Tensor?.Shape?.Dimensions.ConvertAll(dimension => dimension.Value?.ToString(System.Globalization.CultureInfo.InvariantCulture)
            ?? (string.IsNullOrEmpty(dimension.Parameter) ? "?" : dimension.Parameter));

    /// <summary>An input's type: its shape given or declared; an extent that was given for a name stands for the name's other places too.</summary>
    private static TensorType TypeOf(ValueInfoProto input, OnnxImportOptions options, Dictionary<string, int> bound)
    {
        string where = $"input '{input.Name}'";
        if (input.Type?.Tensor is not { } tensor)
        {
            throw NoTensor(where, input.Type);
        }

        ElementType element = OnnxTensors.ElementOf(tensor.Kind, where);
        int[]? given = options.Known.TryGetValue(input.Name, out HostTensor? known) ? [.. known.Shape]
            : options.Shapes.GetValueOrDefault(input.Name);
        string declared = tensor.Shape is null ? "?" : $"[{string.Join(", ", Dimensions(input)!)}]";
        if (known is not null && known.Element != element)
        {
            throw new RduException(ErrorCatalogue.TypeNotSupported, where, element.ShortName(), known.Element.ShortName(), "give a tensor of the declared type");
        }

        if (tensor.Shape is null && given is null || tensor.Shape is not null && given is not null && given.Length != tensor.Shape.Dimensions.Count)
        {
            throw NotBound(where, declared, given);
        }

        var shape = new long[given?.Length ?? tensor.Shape!.Dimensions.Count];
        for (int axis = 0; axis < shape.Length; axis++)
        {
            DimensionProto? dimension = tensor.Shape?.Dimensions[axis];
            string? name = dimension?.Value is null && !string.IsNullOrEmpty(dimension?.Parameter) ? dimension.Parameter : null;
            shape[axis] = given?[axis] ?? dimension?.Value ?? (name is not null && bound.TryGetValue(name, out int same) ? same : throw NotBound(where, declared, given));
            if (dimension?.Value is { } fixedExtent && fixedExtent != shape[axis])
            {
                throw NotBound(where, declared, given);
            }

            if (name is not null)
            {
                // Exporters give unlike extents one name, so a name binds only what was not given.
                bound.TryAdd(name, (int)Math.Min(shape[axis], int.MaxValue));
            }
        }

        return TensorType.Whole(element, OnnxTensors.ShapeOf(shape, element, where));
    }

    private static RduException NoTensor(string where, TypeProto? type) => new(
        ErrorCatalogue.TypeNotSupported, where, "a tensor", type?.Sequence is not null ? "a sequence" : type?.Optional is not null ? "an optional value" : "no tensor",
        "pass tensors");

    private static RduException NotBound(string where, string declared, int[]? given) => new(
        ErrorCatalogue.ShapeNotBound, where, $"a shape {declared} with a number for each extent", given is null ? "none" : $"[{string.Join(", ", given)}]",
        "give it by --shape name=1,2,3 or by the input's tensor");
}
