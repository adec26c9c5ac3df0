using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Graphs;

/// <summary>Bytes of a file.</summary>
/// <param name="Path">The file.</param>
/// <param name="OffsetBytes">Where they begin.</param>
/// <param name="LengthBytes">How many there are.</param>
public sealed record FileRange(string Path, long OffsetBytes, long LengthBytes)
{
    /// <summary>Reads all of them.</summary>
    /// <inheritdoc cref="Read(long, Span{byte})"/>
    public byte[] Read()
    {
        var bytes = new byte[LengthBytes];
        Read(0, bytes);
        return bytes;
    }

    /// <summary>Reads some of them.</summary>
    /// <param name="first">The first, counted from the first of the range.</param>
    /// <param name="bytes">Gets as many as it has room for.</param>
    /// <exception cref="RduException">RDU0101: the file cannot be read, or is shorter than it was.</exception>
    public void Read(long first, Span<byte> bytes)
    {
        try
        {
            using FileStream stream = new(Path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            stream.Position = OffsetBytes + first;
            stream.ReadExactly(bytes);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, Path, $"{LengthBytes} bytes from {OffsetBytes} on", error.Message, "put the file back and try again");
        }
    }
}
