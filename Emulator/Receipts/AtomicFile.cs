using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Receipts;

/// <summary>Writes a file whole or not at all: to a temporary name beside it, flushed to the disk, then renamed.</summary>
public static class AtomicFile
{
    private const int BufferBytes = 1 << 16;

    /// <exception cref="RduException">RDU0501: the folder is missing or read-only, or the disk is full; nothing is left behind.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        byte[] bytes = content.ToArray();
        Write(path, stream => stream.Write(bytes));
    }

    /// <summary>For what is too large to be held in memory.</summary>
    /// <exception cref="RduException">RDU0501: the folder is missing or read-only, or the disk is full; nothing is left behind.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string temporary = TemporaryName(path);
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, BufferBytes))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new RduException(ErrorCatalogue.OutputNotWritten, path, "a file that can be written whole", error.Message, "name a folder that is writable and has the room");
        }
    }

    /// <summary>Removes what a process that was killed while it wrote has left beside the file.</summary>
    public static void RemoveRemains(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            return;
        }

        foreach (string remains in Directory.EnumerateFiles(folder, $"{Path.GetFileName(path)}.*.tmp"))
        {
            TryDelete(remains);
        }
    }

    /// <summary>Fails early, before hours of work, where writing would fail at their end.</summary>
    /// <exception cref="RduException">RDU0501.</exception>
    public static void RequireWritable(string path)
    {
        string temporary = TemporaryName(path);
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

    private static string TemporaryName(string path) => $"{path}.{Environment.ProcessId}.tmp";

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
