using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace RduEmu.Compiler.Weights;

/// <summary>
/// Writes the safetensors format, see <see cref="SafetensorsReader"/>: the header at once, then the elements as fp32 in the order
/// of the tensors, in as many pieces as wanted. The same tensors give the same bytes.
/// </summary>
public sealed class SafetensorsWriter
{
    /// <summary>The elements begin at a multiple of this.</summary>
    private const int AlignmentBytes = 8;

    private readonly Stream _stream;
    private readonly int[] _words = new int[1 << 14];
    private long _leftElements;

    /// <param name="stream">Where to.</param>
    /// <param name="tensors">Name and extents of each.</param>
    /// <param name="metadata">Texts by name.</param>
    public SafetensorsWriter(Stream stream, IReadOnlyList<(string Name, IReadOnlyList<int> Shape)> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        _stream = stream;
        using var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            foreach ((string name, string text) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                json.WriteString(name, text);
            }

            json.WriteEndObject();
            long begin = 0;
            foreach ((string name, IReadOnlyList<int> shape) in tensors)
            {
                long count = shape.Aggregate(1L, (product, extent) => checked(product * extent));
                json.WriteStartObject(name);
                json.WriteString("dtype", nameof(WeightStorage.F32));
                json.WriteStartArray("shape");
                foreach (int extent in shape)
                {
                    json.WriteNumberValue(extent);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(begin);
                begin += count * sizeof(float);
                json.WriteNumberValue(begin);
                json.WriteEndArray();
                json.WriteEndObject();
                _leftElements += count;
            }

            json.WriteEndObject();
        }

        header.Write(Encoding.ASCII.GetBytes(new string(' ', (int)(-header.Length & (AlignmentBytes - 1)))));
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        header.WriteTo(stream);
    }

    /// <summary>The next elements.</summary>
    public void Append(ReadOnlySpan<float> elements)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(elements.Length, _leftElements);
        _leftElements -= elements.Length;
        ReadOnlySpan<int> words = MemoryMarshal.Cast<float, int>(elements);
        while (!words.IsEmpty)
        {
            int count = Math.Min(words.Length, _words.Length);
            for (int i = 0; i < count; i++)
            {
                _words[i] = BitConverter.IsLittleEndian ? words[i] : BinaryPrimitives.ReverseEndianness(words[i]);
            }

            _stream.Write(MemoryMarshal.AsBytes(_words.AsSpan(0, count)));
            words = words[count..];
        }
    }

    /// <exception cref="InvalidOperationException">Elements are missing.</exception>
    public void Complete()
    {
        if (_leftElements != 0)
        {
            throw new InvalidOperationException($"{_leftElements} elements are missing");
        }
    }
}
