using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using RduEmu.Kernels.Errors;

namespace RduEmu.Kernels.Memory;

/// <summary>
/// One allocation that holds every tensor of a program on the host: in memory, or mapped from a file so that tables larger
/// than the memory run. Zero at first, 64-byte aligned.
/// </summary>
public sealed unsafe partial class HostArena : IDisposable
{
    private const nuint AlignmentBytes = 64;

    /// <summary>
    /// From this size on an arena asks for pages of 2 MB. Rows of a table are read at random: with pages of 4 KB nearly each
    /// read misses the TLB, and a gather took twice as long.
    /// </summary>
    private const nuint HugePageBytes = 2 << 20;

    /// <summary>MADV_HUGEPAGE of Linux.</summary>
    private const int AdviseHugePages = 14;

    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _start;

    /// <summary>An arena in memory.</summary>
    /// <param name="lengthBytes">Its size; at least one word is allocated.</param>
    /// <param name="limitBytes">The most that may be allocated.</param>
    /// <exception cref="RduException">RDU0303: larger than the limit, or the system has not that much.</exception>
    public HostArena(long lengthBytes, long limitBytes = long.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(lengthBytes);
        if (lengthBytes > limitBytes)
        {
            throw TooLarge(lengthBytes, $"at most {limitBytes} bytes");
        }

        LengthBytes = lengthBytes;
        try
        {
            nuint allocated = (nuint)Math.Max(lengthBytes, sizeof(uint));
            _start = (byte*)NativeMemory.AlignedAlloc(allocated, allocated >= HugePageBytes ? HugePageBytes : AlignmentBytes);
            if (OperatingSystem.IsLinux() && allocated >= HugePageBytes)
            {
                // A wish, to be made before the first touch; without it everything works, only slower.
                _ = Advise(_start, allocated / HugePageBytes * HugePageBytes, AdviseHugePages);
            }

            NativeMemory.Clear(_start, allocated);
        }
        catch (OutOfMemoryException)
        {
            throw TooLarge(lengthBytes, "no more than the free memory");
        }
    }

    /// <summary>An arena mapped from a file, which is created or set to the size; what a file held before is lost.</summary>
    /// <exception cref="RduException">RDU0501: the file cannot be made (folder missing or read-only, disk full).</exception>
    public HostArena(long lengthBytes, string path)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(lengthBytes);
        LengthBytes = lengthBytes;
        try
        {
            long mappedBytes = Math.Max(lengthBytes, sizeof(uint));
            using (FileStream stream = new(path, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                stream.SetLength(mappedBytes);
            }

            _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, mappedBytes);
            _view = _file.CreateViewAccessor(0, mappedBytes);
            byte* start = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            _start = start;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _view?.Dispose();
            _file?.Dispose();
            throw new RduException(
                ErrorCatalogue.OutputNotWritten, path, $"a file of {lengthBytes} bytes", error.Message, "name a folder that is writable and has the room");
        }
    }

    ~HostArena() => Release();

    public long LengthBytes { get; }

    public bool IsMapped => _file is not null;

    /// <summary>The first byte.</summary>
    /// <exception cref="ObjectDisposedException">The arena is gone.</exception>
    public byte* Start
    {
        get
        {
            ObjectDisposedException.ThrowIf(_start is null, this);
            return _start;
        }
    }

    public void Dispose()
    {
        Release();
        _view?.Dispose();
        _file?.Dispose();
        GC.SuppressFinalize(this);
    }

    private static RduException TooLarge(long lengthBytes, string expected) =>
        new(ErrorCatalogue.MemoryExceeded, "the host arena", expected, $"{lengthBytes} bytes", "cap the tables, or map the arena from a file");

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* start, nuint lengthBytes, int advice);

    private void Release()
    {
        if (_start is null)
        {
            return;
        }

        if (_view is null)
        {
            NativeMemory.AlignedFree(_start);
        }
        else
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
        }

        _start = null;
    }
}
