using System.Runtime.InteropServices;

namespace RduEmu.Kernels.Memory;

/// <summary>
/// Memory of a worker for operands that a loop must copy first: kept from run to run, so that only the first run of the largest unit
/// allocates. Freed with the thread's last reference.
/// </summary>
internal sealed unsafe class HostBuffer
{
    private const nuint AlignmentBytes = 64;
    private const int Count = 3;

    [ThreadStatic]
    private static HostBuffer[]? _buffers;

    private void* _start;
    private long _lengthElements;

    ~HostBuffer() => NativeMemory.AlignedFree(_start);

    /// <summary>Room for so many words; null for none. The same number always gives the same buffer.</summary>
    /// <param name="number">0, 1 or 2: what one unit needs at a time.</param>
    public static float* Of(int number, long lengthElements)
    {
        if (lengthElements == 0)
        {
            return null;
        }

        _buffers ??= [.. Enumerable.Range(0, Count).Select(_ => new HostBuffer())];
        HostBuffer buffer = _buffers[number];
        if (buffer._lengthElements < lengthElements)
        {
            NativeMemory.AlignedFree(buffer._start);
            buffer._start = NativeMemory.AlignedAlloc((nuint)lengthElements * sizeof(float), AlignmentBytes);
            buffer._lengthElements = lengthElements;
        }

        return (float*)buffer._start;
    }
}
