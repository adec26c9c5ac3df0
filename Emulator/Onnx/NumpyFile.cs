using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Onnx;

/// <summary>
/// NumPy's files (numpy.lib.format, versions 1 to 3): an array in .npy, several by name in .npz. Little-endian, in C order. A
/// bfloat16 tensor, which NumPy has no type for, is written as float32 of the same values.
/// </summary>
public static partial class NumpyFile
{
    private const int MaximumHeaderBytes = 1 << 16;
    private const string Extension = ".npy";

    private static readonly Dictionary<string, ElementType> Descriptions = new()
    {
        ["f4"] = ElementType.Float32,
        ["f2"] = ElementType.Float16,
        ["f8"] = ElementType.Float64,
        ["i1"] = ElementType.Int8,
        ["i2"] = ElementType.Int16,
        ["i4"] = ElementType.Int32,
        ["i8"] = ElementType.Int64,
        ["u1"] = ElementType.UInt8,
        ["u2"] = ElementType.UInt16,
        ["u4"] = ElementType.UInt32,
        ["u8"] = ElementType.UInt64,
        ["b1"] = ElementType.Bool,
    };

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <exception cref="RduException">RDU0101: unreadable. RDU0123: no array, or its data do not fit. RDU0423: of a type that is not supported.</exception>
    public static HostTensor Read(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            return Read(stream, stream.Length, path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a readable array", error.Message, "correct the path");
        }
    }

    /// <summary>The arrays of an archive by name.</summary>
    /// <inheritdoc cref="Read(string)"/>
    public static Dictionary<string, HostTensor> ReadArchive(string path)
    {
        try
        {
            using ZipArchive archive = ZipFile.OpenRead(path);
            var tensors = new Dictionary<string, HostTensor>();
            foreach (ZipArchiveEntry entry in archive.Entries)
            {
                using Stream stream = entry.Open();
                string name = entry.FullName.EndsWith(Extension, StringComparison.Ordinal) ? entry.FullName[..^Extension.Length] : entry.FullName;
                tensors[name] = Read(stream, entry.Length, $"{path}, {entry.FullName}");
            }

            return tensors;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a readable archive of arrays", error.Message, "correct the path");
        }
    }

    /// <summary>The bytes of an .npy file.</summary>
    public static byte[] ToBytes(HostTensor tensor)
    {
        HostTensor written = tensor.Element == ElementType.BFloat16 ? Widened(tensor) : tensor;
        // numpy has no integers below 8 bits; here each has a byte anyway.
        ElementType element = !written.Element.IsNarrow() ? written.Element : written.Element.IsSignedInteger() ? ElementType.Int8 : ElementType.UInt8;
        string kind = Descriptions.First(pair => pair.Value == element).Key;
        string order = written.Element.SizeBytes() == 1 ? "|" : "<";
        string extents = written.Shape.Count == 1 ? $"{written.Shape[0]}," : string.Join(", ", written.Shape);
        string header = $"{{'descr': '{order}{kind}', 'fortran_order': False, 'shape': ({extents}), }}";

        // The data begin at a multiple of 64 bytes, after a line feed.
        int length = (Magic.Length + 4 + header.Length + 1 + 63) / 64 * 64;
        var bytes = new byte[length + written.Bytes.Length];
        Magic.CopyTo(bytes);
        (bytes[6], bytes[7]) = (1, 0);
        int headerBytes = length - Magic.Length - 4;
        (bytes[8], bytes[9]) = ((byte)headerBytes, (byte)(headerBytes >> 8));
        Encoding.ASCII.GetBytes(header.PadRight(headerBytes - 1) + "\n").CopyTo(bytes, 10);
        written.Bytes.CopyTo(bytes.AsSpan(length));
        return bytes;
    }

    /// <summary>The bytes of an .npz archive; the same tensors give the same bytes.</summary>
    public static byte[] ToArchive(IEnumerable<(string Name, HostTensor Tensor)> tensors)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, HostTensor tensor) in tensors)
            {
                ZipArchiveEntry entry = archive.CreateEntry(name + Extension, CompressionLevel.NoCompression);
                entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
                using Stream content = entry.Open();
                content.Write(ToBytes(tensor));
            }
        }

        return stream.ToArray();
    }

    private static HostTensor Read(Stream stream, long lengthBytes, string where)
    {
        var start = new byte[12];
        if (lengthBytes < start.Length || stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length || !start.AsSpan(0, 6).SequenceEqual(Magic) || start[6] is < 1 or > 3)
        {
            throw Malformed(where, "an array of NumPy's format", "another file");
        }

        // Version 1 has two bytes for the header's length, the later ones four.
        long headerBytes = start[6] == 1 ? start[8] | (start[9] << 8) : BitConverter.ToUInt32(start, 8);
        int known = start[6] == 1 ? 2 : 0;
        if (headerBytes is < 10 or > MaximumHeaderBytes || headerBytes > lengthBytes)
        {
            throw Malformed(where, $"a header of at most {MaximumHeaderBytes} bytes", $"{headerBytes}");
        }

        var header = new byte[headerBytes];
        start.AsSpan(12 - known, known).CopyTo(header);
        if (stream.ReadAtLeast(header.AsSpan(known), header.Length - known, throwOnEndOfStream: false) < header.Length - known)
        {
            throw Malformed(where, "a whole header", "the end of the file");
        }

        Match match = Header().Match(Encoding.UTF8.GetString(header));
        if (!match.Success)
        {
            throw Malformed(where, "a header with descr, fortran_order and shape", Encoding.UTF8.GetString(header).Trim());
        }

        string description = match.Groups["descr"].Value;
        if (description[0] == '>' || !Descriptions.TryGetValue(description.TrimStart('<', '|', '='), out ElementType element))
        {
            throw new RduException(ErrorCatalogue.TypeNotSupported, where, "little-endian floats, integers or bools", description, "convert the array");
        }

        int[] shape = [.. match.Groups["shape"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(extent => int.TryParse(extent.TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : throw Malformed(where, "extents", extent))];
        if (match.Groups["order"].Value == "True" && shape.Count(extent => extent > 1) > 1)
        {
            throw Malformed(where, "an array in C order", "Fortran order");
        }

        Int128 dataBytes = shape.Aggregate((Int128)element.SizeBytes(), (count, extent) => count * extent);
        if (dataBytes != lengthBytes - headerBytes - (start[6] == 1 ? 10 : 12))
        {
            throw Malformed(where, $"{dataBytes} bytes of data", $"{lengthBytes - headerBytes - (start[6] == 1 ? 10 : 12)}");
        }

        var data = new byte[(int)dataBytes];
        stream.ReadExactly(data);
        return new HostTensor(TensorType.Whole(element, shape), data);
    }

    private static HostTensor Widened(HostTensor tensor) => HostTensor.FromWords(tensor.Type with { Element = ElementType.Float32 }, tensor.ToWords());

    private static RduException Malformed(string where, string expected, string got) =>
        new(ErrorCatalogue.TensorMalformed, where, expected, got, "write the array again with numpy.save");

    [GeneratedRegex(@"^\s*\{\s*'descr':\s*'(?<descr>[<>|=]?\w+)',\s*'fortran_order':\s*(?<order>True|False),\s*'shape':\s*\((?<shape>[\d,\sL]*)\)")]
    private static partial Regex Header();
}
