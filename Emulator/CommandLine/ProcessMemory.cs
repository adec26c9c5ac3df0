using System.Diagnostics;

namespace RduEmu.Emulator.CommandLine;

internal static class ProcessMemory
{
    /// <summary>The most memory that this process has held at a time.</summary>
    public static long PeakBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
