using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace RduEmu.Compiler.Executables;

/// <summary>A tensor with a name, binary32, row-major.</summary>
public sealed record NamedTensor(string Name, IReadOnlyList<int> Shape, ReadOnlyMemory<float> Elements);

/// <summary>
/// Tensors in the format of github.com/huggingface/safetensors (README, "Format"): eight bytes with the length of a JSON header, the
/// header with type, shape and place of each tensor, then their bytes, little-endian.
/// </summary>
public static class SafeTensors
{
    private const int HeaderAlignmentBytes = 8;

    public static byte[] Write(IReadOnlyList<NamedTensor> tensors)
    {
        var header = new StringBuilder("{");
        long end = 0;
        foreach (NamedTensor tensor in tensors)
        {
            long begin = end;
            end += (long)tensor.Elements.Length * sizeof(float);
            header.Append(header.Length > 1 ? "," : string.Empty).Append($"{JsonSerializer.Serialize(tensor.Name)}:{{\"dtype\":\"F32\",\"shape\":[{string.Join(',', tensor.Shape)}],\"data_offsets\":[{begin},{end}]}}");
        }

        header.Append('}').Append(' ', (HeaderAlignmentBytes - (Encoding.UTF8.GetByteCount(header.ToString()) & (HeaderAlignmentBytes - 1))) & (HeaderAlignmentBytes - 1));
        byte[] text = Encoding.UTF8.GetBytes(header.ToString());
        byte[] file = new byte[checked(sizeof(long) + text.Length + end)];
        BinaryPrimitives.WriteInt64LittleEndian(file, text.Length);
        text.CopyTo(file.AsSpan(sizeof(long)));
        int at = sizeof(long) + text.Length;
        foreach (NamedTensor tensor in tensors)
        {
            MemoryMarshal.AsBytes(tensor.Elements.Span).CopyTo(file.AsSpan(at));
            at += tensor.Elements.Length * sizeof(float);
        }

        return file;
    }

    /// <exception cref="FormatException">Not such a file, or elements that are not binary32.</exception>
    public static IReadOnlyList<NamedTensor> Read(ReadOnlyMemory<byte> file)
    {
        long length = file.Length < sizeof(long) ? -1 : BinaryPrimitives.ReadInt64LittleEndian(file.Span);
        if (length < 0 || length > file.Length - sizeof(long))
        {
            throw new FormatException("a header that goes beyond the end");
        }

        int data = sizeof(long) + (int)length;
        var tensors = new List<NamedTensor>();
        using JsonDocument header = JsonDocument.Parse(file.Slice(sizeof(long), (int)length));
        foreach (JsonProperty entry in header.RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__")
            {
                continue;
            }

            int[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt32())];
            long begin = entry.Value.GetProperty("data_offsets")[0].GetInt64();
            long end = entry.Value.GetProperty("data_offsets")[1].GetInt64();
            long elements = shape.Aggregate(1L, (product, extent) => product * extent);
            if (entry.Value.GetProperty("dtype").GetString() != "F32" || begin < 0 || end > file.Length - data || end - begin != elements * sizeof(float))
            {
                throw new FormatException($"tensor {entry.Name} of other type, extent or place");
            }

            float[] values = MemoryMarshal.Cast<byte, float>(file.Span[(data + (int)begin)..(data + (int)end)]).ToArray();
            tensors.Add(new NamedTensor(entry.Name, shape, values));
        }

        return tensors;
    }
}
