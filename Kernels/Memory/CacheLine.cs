namespace RduEmu.Kernels.Memory;

/// <summary>A line of the caches, 64 bytes on every host that .NET runs on with vectors of 32 bytes or more.</summary>
internal static unsafe class CacheLine
{
    /// <summary>Words of a line.</summary>
    public const int Elements = 16;

    /// <summary>
    /// The first line that begins at or after the address. The stack is aligned to 16 bytes only, where every other load of 32 bytes spans
    /// two lines.
    /// </summary>
    public static float* Align(float* address) => (float*)(((nuint)address + 63) & ~(nuint)63);
}
