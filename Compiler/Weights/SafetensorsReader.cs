using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Weights;

/// <summary>
/// Reads the safetensors format (github.com/huggingface/safetensors, README, section "Format"): eight bytes with the length of the
/// header, little-endian; the header, a JSON object of <c>{"dtype", "shape", "data_offsets": [begin, end]}</c> by name, with
/// texts under <c>__metadata__</c>; then the elements, little-endian and row-major, without gaps. Tensors of other types than
/// F32, F16 and BF16 are passed over.
/// </summary>
public sealed class SafetensorsReader : IDisposable
{
    /// <summary>What the format's own library accepts.</summary>
    private const long MaximumHeaderBytes = 100_000_000;

    private const int PieceElements = 1 << 16;

    private readonly FileStream _stream;
    private readonly string _path;
    private readonly long _dataBegin;
    private readonly Dictionary<string, SafetensorsTensor> _tensors = [];
    private readonly Dictionary<string, string> _metadata = [];
    private byte[] _bytes = [];

    /// <exception cref="RduException">RDU0101: there is no such file. RDU0131: it is truncated or no safetensors file.</exception>
    public SafetensorsReader(string path)
    {
        _path = path;
        try
        {
            _stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a readable safetensors file", error.Message, "correct the path");
        }

        try
        {
            _dataBegin = ReadHeader();
        }
        catch (Exception error)
        {
            _stream.Dispose();
            if (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or OverflowException or EndOfStreamException or IOException)
            {
                throw Damaged("a header as the format has it", error.Message);
            }

            throw;
        }
    }

    /// <summary>Tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsTensor> Tensors => _tensors;

    /// <summary>Texts by name.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Reads some elements of a tensor as floats; F16 and BF16 are exact in them.</summary>
    /// <exception cref="RduException">RDU0131: the file ends before them.</exception>
    public void Read(SafetensorsTensor tensor, long firstElement, Span<float> elements)
    {
        _stream.Position = _dataBegin + tensor.BeginBytes + firstElement * tensor.ElementBytes;
        while (!elements.IsEmpty)
        {
            int count = Math.Min(elements.Length, PieceElements);
            Span<byte> bytes = Bytes(count * tensor.ElementBytes);
            if (_stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            {
                throw Damaged($"the elements of {tensor.Name}", "the end of the file");
            }

            for (int i = 0; i < count; i++)
            {
                elements[i] = tensor.Storage switch
                {
                    WeightStorage.F32 => BinaryPrimitives.ReadSingleLittleEndian(bytes[(i * sizeof(float))..]),
                    WeightStorage.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes[(i * sizeof(ushort))..]),
                    _ => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(bytes[(i * sizeof(ushort))..]) << 16),
                };
            }

            elements = elements[count..];
        }
    }

    public void Dispose() => _stream.Dispose();

    private long ReadHeader()
    {
        Span<byte> length = stackalloc byte[sizeof(long)];
        _stream.ReadExactly(length);
        long headerBytes = BinaryPrimitives.ReadInt64LittleEndian(length);
        if (headerBytes < 2 || headerBytes > MaximumHeaderBytes || headerBytes > _stream.Length - sizeof(long))
        {
            throw new FormatException($"a header of {headerBytes} bytes in a file of {_stream.Length}");
        }

        var header = new byte[headerBytes];
        _stream.ReadExactly(header);
        using JsonDocument document = JsonDocument.Parse(header);
        long dataBytes = _stream.Length - sizeof(long) - headerBytes;
        long end = 0;
        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            if (property.Name == "__metadata__")
            {
                foreach (JsonProperty text in property.Value.EnumerateObject())
                {
                    _metadata[text.Name] = text.Value.GetString() ?? string.Empty;
                }

                continue;
            }

            end = Math.Max(end, Add(property));
        }

        return end == dataBytes ? sizeof(long) + headerBytes : throw new FormatException($"{dataBytes} bytes of elements instead of {end}");
    }

    private long Add(JsonProperty property)
    {
        long begin = property.Value.GetProperty("data_offsets")[0].GetInt64();
        long end = property.Value.GetProperty("data_offsets")[1].GetInt64();
        if (!Enum.TryParse(property.Value.GetProperty("dtype").GetString(), out WeightStorage storage))
        {
            return end;
        }

        ImmutableArray<int> shape = [.. property.Value.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt32())];
        var tensor = new SafetensorsTensor(property.Name, storage, shape, begin);
        if (begin < 0 || shape.Any(extent => extent < 0) || end - begin != tensor.CountBytes)
        {
            throw new FormatException($"{property.Name} of {end - begin} bytes for [{string.Join(", ", shape)}]");
        }

        return _tensors.TryAdd(property.Name, tensor) ? end : throw new FormatException($"{property.Name} twice");
    }

    private Span<byte> Bytes(int count)
    {
        if (_bytes.Length < count)
        {
            _bytes = new byte[count];
        }

        return _bytes.AsSpan(0, count);
    }

    private RduException Damaged(string expected, string got) =>
        new(ErrorCatalogue.WeightsDamaged, _path, expected, got, "take another copy of the file");
}
