using System.Globalization;
using System.Runtime.InteropServices;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx.Import;

/// <summary>Tensors of a file to tensors on the host: raw, typed or external data, checked against type and shape.</summary>
internal static class OnnxTensors
{
    /// <summary>Smaller external data are read with the model; larger ones stay where they lie until they are needed.</summary>
    private const long MostHeldBytes = 1 << 16;

    private static readonly Dictionary<TensorKind, ElementType> Elements = new()
    {
        [TensorKind.Float32] = ElementType.Float32,
        [TensorKind.Float16] = ElementType.Float16,
        [TensorKind.BFloat16] = ElementType.BFloat16,
        [TensorKind.Float64] = ElementType.Float64,
        [TensorKind.Int8] = ElementType.Int8,
        [TensorKind.Int16] = ElementType.Int16,
        [TensorKind.Int32] = ElementType.Int32,
        [TensorKind.Int64] = ElementType.Int64,
        [TensorKind.UInt8] = ElementType.UInt8,
        [TensorKind.UInt16] = ElementType.UInt16,
        [TensorKind.UInt32] = ElementType.UInt32,
        [TensorKind.UInt64] = ElementType.UInt64,
        [TensorKind.Bool] = ElementType.Bool,
        [TensorKind.Int4] = ElementType.Int4,
        [TensorKind.UInt4] = ElementType.UInt4,
        [TensorKind.Int2] = ElementType.Int2,
        [TensorKind.UInt2] = ElementType.UInt2,
    };

    /// <exception cref="RduException">RDU0423: no type of this product.</exception>
    public static ElementType ElementOf(TensorKind kind, string where) => Elements.TryGetValue(kind, out ElementType element)
        ? element
        : throw new RduException(
            ErrorCatalogue.TypeNotSupported, where, "floats of 16 to 64 bits, integers of 2 to 64 bits or bool",
            Enum.IsDefined(kind) ? $"{kind}" : $"type {(int)kind}", "convert the model to one of these types");

    public static TensorKind KindOf(ElementType element) => Elements.First(pair => pair.Value == element).Key;

    /// <param name="proto">A tensor of a model or of a file.</param>
    /// <param name="folder">Where external data are looked for; null where there can be none.</param>
    /// <param name="where">For the error message.</param>
    /// <exception cref="RduException">RDU0122: external data elsewhere. RDU0123: data do not fit. RDU0423: no type of this product.</exception>
    public static HostTensor ToHost(TensorProto proto, string? folder, string where)
    {
        ElementType element = ElementOf(proto.Kind, where);
        TensorType type = TensorType.Whole(element, ShapeOf(proto.Dims, element, where));
        long lengthBytes = element.IsNarrow() ? (type.CountElements * element.Bits() + 7) / 8 : type.CountElements * element.SizeBytes();
        FileRange? file = proto.Location == DataLocation.External ? FindExternal(proto, folder, lengthBytes, where) : null;
        if (file is not null && lengthBytes > MostHeldBytes && !element.IsNarrow())
        {
            return new HostTensor(type, file);
        }

        byte[] bytes = file?.Read()
            ?? proto.RawData ?? (type.CountElements == 0 ? [] : TypedData(proto, element, element.IsNarrow() ? lengthBytes : type.CountElements, where));
        return bytes.Length == lengthBytes
            ? new HostTensor(type, element.IsNarrow() ? Unpacked(bytes, element, checked((int)type.CountElements)) : bytes)
            : throw Malformed(where, $"{lengthBytes} bytes for {type}", $"{bytes.Length} bytes");
    }

    /// <exception cref="RduException">RDU0123: a negative extent, or more elements than there can be.</exception>
    public static int[] ShapeOf(IReadOnlyList<long> dims, ElementType element, string where)
    {
        var shape = new int[dims.Count];
        Int128 count = 1;
        for (int axis = 0; axis < shape.Length; axis++)
        {
            if (dims[axis] is < 0 or > int.MaxValue)
            {
                throw Malformed(where, $"extents from 0 to {int.MaxValue}", $"[{string.Join(", ", dims)}]");
            }

            shape[axis] = (int)dims[axis];
            count *= Math.Max(1, shape[axis]);
            if (count * element.SizeBytes() > Array.MaxLength)
            {
                throw Malformed(where, $"a tensor of at most {Array.MaxLength} bytes", $"[{string.Join(", ", dims)}]");
            }
        }

        return shape;
    }

    /// <summary>Integers of 4 or 2 bits, the first in the lowest bits of a byte, to a byte each.</summary>
    private static byte[] Unpacked(byte[] packed, ElementType element, int count)
    {
        int bits = element.Bits();
        var bytes = new byte[count];
        for (int i = 0; i < count; i++)
        {
            int shift = 8 - bits;
            var upper = (byte)(packed[i * bits / 8] >> (i * bits % 8) << shift);
            bytes[i] = element.IsSignedInteger() ? (byte)((sbyte)upper >> shift) : (byte)(upper >> shift);
        }

        return bytes;
    }

    /// <summary>The reverse: as ONNX has them in a file.</summary>
    public static byte[] Packed(HostTensor tensor)
    {
        int bits = tensor.Element.Bits();
        var packed = new byte[(tensor.Count * bits + 7) / 8];
        for (int i = 0; i < tensor.Count; i++)
        {
            packed[i * bits / 8] |= (byte)((tensor.Bytes[i] & ((1 << bits) - 1)) << (i * bits % 8));
        }

        return packed;
    }

    private static byte[] TypedData(TensorProto proto, ElementType element, long count, string where)
    {
        switch (element)
        {
            case ElementType.Float32:
                Require(proto.Floats.Count, count, where);
                return MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(proto.Floats)).ToArray();
            case ElementType.Float64:
                Require(proto.Doubles.Count, count, where);
                return MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(proto.Doubles)).ToArray();
            case ElementType.Int64:
                Require(proto.Longs.Count, count, where);
                return MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(proto.Longs)).ToArray();
            case ElementType.UInt64:
                Require(proto.UnsignedLongs.Count, count, where);
                return MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(proto.UnsignedLongs)).ToArray();
            case ElementType.UInt32:
                Require(proto.UnsignedLongs.Count, count, where);
                return MemoryMarshal.AsBytes<uint>(proto.UnsignedLongs.Select(word => (uint)word).ToArray()).ToArray();
            case ElementType.Int32:
                Require(proto.Integers.Count, count, where);
                return MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(proto.Integers)).ToArray();
            default:
                Require(proto.Integers.Count, count, where);
                return element.SizeBytes() == 1
                    ? [.. proto.Integers.Select(word => (byte)word)]
                    : MemoryMarshal.AsBytes<ushort>(proto.Integers.Select(word => (ushort)word).ToArray()).ToArray();
        }
    }

    private static void Require(long got, long count, string where)
    {
        if (got != count)
        {
            throw Malformed(where, $"{count} elements", $"{got}");
        }
    }

    /// <summary>External data lie in the model's folder or below it; nothing else is opened.</summary>
    private static FileRange FindExternal(TensorProto proto, string? folder, long lengthBytes, string where)
    {
        string location = proto.ExternalData.FirstOrDefault(entry => entry.Key == "location")?.Value ?? string.Empty;
        if (folder is null || location.Length == 0 || Path.IsPathRooted(location) || location.Contains('\\', StringComparison.Ordinal))
        {
            throw Refused(where, "a relative path", location);
        }

        string root = Path.GetFullPath(folder);
        string path = Path.GetFullPath(Path.Combine(root, location));
        if (!path.StartsWith(root.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            || LeadsOutside(root, path))
        {
            throw Refused(where, "a file in the model's folder", location);
        }

        long offset = Number(proto, "offset", 0, where);
        long length = Number(proto, "length", lengthBytes, where);
        if (length != lengthBytes)
        {
            throw Malformed(where, $"{lengthBytes} bytes of external data", $"{length}");
        }

        try
        {
            using FileStream stream = File.OpenRead(path);
            return offset >= 0 && offset <= stream.Length - length
                ? new FileRange(path, offset, length)
                : throw Malformed(where, $"{length} bytes from {offset} on in {location}", $"a file of {stream.Length} bytes");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, where, $"external data {location}", error.Message, "put the file beside the model");
        }
    }

    /// <summary>A link on the way may lead out of the folder.</summary>
    private static bool LeadsOutside(string root, string path)
    {
        for (string? at = path; at is not null && at.Length > root.Length; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(at) && new FileInfo(at).LinkTarget is not null || Directory.Exists(at) && new DirectoryInfo(at).LinkTarget is not null)
            {
                return true;
            }
        }

        return false;
    }

    private static long Number(TensorProto proto, string key, long otherwise, string where)
    {
        string? text = proto.ExternalData.FirstOrDefault(entry => entry.Key == key)?.Value;
        return text is null ? otherwise
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number
            : throw Malformed(where, $"a number as {key} of external data", text);
    }

    private static RduException Refused(string where, string expected, string got) =>
        new(ErrorCatalogue.ExternalDataRefused, where, expected, got, "put the data beside the model and name them so");

    private static RduException Malformed(string where, string expected, string got) =>
        new(ErrorCatalogue.TensorMalformed, where, expected, got, "export the model again");
}
