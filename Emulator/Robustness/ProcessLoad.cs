using System.Buffers.Text;
using System.Diagnostics;

namespace RduEmu.Emulator.Robustness;

/// <summary>How much memory this process has had at most since a moment, as the system counts it: resident pages, native ones too.</summary>
internal sealed class ProcessLoad : IDisposable
{
    private const string Status = "/proc/self/status";
    private const int MostStatusBytes = 4096;
    private const long BytesPerKibibyte = 1024;

    private readonly Process _process = Process.GetCurrentProcess();
    private readonly FileStream? _status = OperatingSystem.IsLinux() ? new FileStream(Status, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 0) : null;
    private long _start;

    public ProcessLoad() => Reset();

    /// <summary>The largest size since the last <see cref="Reset"/>, less the size then.</summary>
    public long Growth => Math.Max(0, Peak() - _start);

    /// <summary>Frees what is garbage, and counts from now on. Where the system cannot forget its maximum (all but Linux) that stays.</summary>
    public void Reset()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        if (_status is not null)
        {
            try
            {
                File.WriteAllText("/proc/self/clear_refs", "5");
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // The maximum stays as on other systems: what is told is then too much, never too little.
            }
        }

        _start = Environment.WorkingSet;
    }

    public void Dispose()
    {
        _status?.Dispose();
        _process.Dispose();
    }

    private long Peak()
    {
        if (_status is null)
        {
            _process.Refresh();
            return _process.PeakWorkingSet64;
        }

        Span<byte> text = stackalloc byte[MostStatusBytes];
        text = text[..RandomAccess.Read(_status.SafeFileHandle, text, 0)];
        int at = text.IndexOf("VmHWM:"u8);
        ReadOnlySpan<byte> number = text[(at + "VmHWM:".Length)..].TrimStart(" \t"u8);
        return at >= 0 && Utf8Parser.TryParse(number, out long kibibytes, out _) ? kibibytes * BytesPerKibibyte : Environment.WorkingSet;
    }
}
