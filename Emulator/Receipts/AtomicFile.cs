using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Receipts;

/// <summary>Writes a file whole or not at all: to a temporary name beside it, flushed to the disk, then renamed.</summary>
public static class AtomicFile
{
    /// <exception cref="RduException">RDU0501: the folder is missing or read-only, or the disk is full; nothing is left behind.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new RduException(
                ErrorCatalogue.OutputNotWritten, path, $"a file of {content.Length} bytes", error.Message, "name a folder that is writable and has the room");
        }
    }

    /// <summary>Fails early, before hours of work, where <see cref="Write"/> would fail at their end.</summary>
    /// <exception cref="RduException">RDU0501.</exception>
    public static void RequireWritable(string path)
    {
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
            stream.WriteByte(0);
            stream.Flush(flushToDisk: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(
                ErrorCatalogue.OutputNotWritten, path, "a place to write to", error.Message, "name a folder that is writable and has the room");
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The first error is the one to report; a folder that cannot be written cannot hold the temporary file either.
        }
    }
}
