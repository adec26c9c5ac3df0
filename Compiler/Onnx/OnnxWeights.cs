using System.Globalization;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx;

/// <summary>
/// The elements of an exported model's parameters: where they come from, and whether they go into the model or into a file of their own
/// beside it, which ONNX calls external data.
/// </summary>
/// <param name="pieces">The bytes of a parameter, row-major and little-endian, in pieces: a table need not be held whole.</param>
public sealed class OnnxWeights(Func<ValueId, IEnumerable<ReadOnlyMemory<byte>>> pieces)
{
    /// <summary>A protobuf message is shorter than 2 GiB; what is not weights is far below 64 MiB.</summary>
    public const long MaximumInsideBytes = int.MaxValue - (1L << 26);

    /// <summary>Tensors below this size stay in the model, where shapes can be worked out from them.</summary>
    private const int SmallestOutsideBytes = 1024;

    /// <summary>Where a tensor begins: a page, so that readers can map it.</summary>
    private const int AlignmentBytes = 4096;

    private readonly Stream? _external;
    private readonly string _location = string.Empty;
    private long _insideBytes;
    private long _externalBytes;

    /// <param name="pieces">The bytes of a parameter, in pieces.</param>
    /// <param name="external">Gets the elements of all tensors that are not small.</param>
    /// <param name="location">That file's name, relative to the model's folder.</param>
    public OnnxWeights(Func<ValueId, IEnumerable<ReadOnlyMemory<byte>>> pieces, Stream external, string location)
        : this(pieces)
    {
        _external = external;
        _location = location;
    }

    /// <summary>Parameters that are tensors on the host.</summary>
    public static OnnxWeights Of(IReadOnlyDictionary<ValueId, HostTensor> parameters) => new(PiecesOf(parameters));

    /// <summary>Each tensor as one piece.</summary>
    public static Func<ValueId, IEnumerable<ReadOnlyMemory<byte>>> PiecesOf(IReadOnlyDictionary<ValueId, HostTensor> parameters) => id => [parameters[id].Memory];

    internal IEnumerable<ReadOnlyMemory<byte>> Pieces(ValueId parameter) => pieces(parameter);

    /// <param name="length">Bytes of all pieces.</param>
    /// <exception cref="RduException">RDU0402: there are too many bytes for one message, and no file beside it.</exception>
    internal TensorProto Tensor(string name, long[] dims, TensorKind kind, IEnumerable<ReadOnlyMemory<byte>> content, long length)
    {
        var tensor = new TensorProto { Name = name, Kind = kind };
        tensor.Dims.AddRange(dims);
        if (_external is not null && length >= SmallestOutsideBytes)
        {
            WriteOutside(tensor, content, length);
            return tensor;
        }

        _insideBytes += length;
        if (_insideBytes > MaximumInsideBytes)
        {
            throw new RduException(
                ErrorCatalogue.NotExportable, "the graph", $"weights of at most {MaximumInsideBytes} bytes in one protobuf message", $"more, at {name}",
                "write them to a file of their own");
        }

        tensor.RawData = new byte[length];
        Copy(content, length, name, new MemoryStream(tensor.RawData));
        return tensor;
    }

    private void WriteOutside(TensorProto tensor, IEnumerable<ReadOnlyMemory<byte>> content, long length)
    {
        long offset = (_externalBytes + AlignmentBytes - 1) / AlignmentBytes * AlignmentBytes;
        _external!.Write(new byte[offset - _externalBytes]);
        Copy(content, length, tensor.Name, _external);
        _externalBytes = offset + length;
        tensor.Location = DataLocation.External;
        void Add(string key, string value) => tensor.ExternalData.Add(new StringEntry { Key = key, Value = value });
        Add("location", _location);
        Add("offset", offset.ToString(CultureInfo.InvariantCulture));
        Add("length", length.ToString(CultureInfo.InvariantCulture));
    }

    private static void Copy(IEnumerable<ReadOnlyMemory<byte>> content, long length, string name, Stream target)
    {
        long written = 0;
        foreach (ReadOnlyMemory<byte> piece in content)
        {
            target.Write(piece.Span);
            written += piece.Length;
        }

        if (written != length)
        {
            throw new ArgumentException($"{name} has {length} bytes, not {written}");
        }
    }
}
