using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace RduEmu.Kernels.Memory;

/// <summary>
/// What a loop reads next, fetched into L2 in as many parts as the loop has steps before it: the hardware begins to fetch a panel
/// when its first lines are missed, which costs a tenth of a product whose weights lie in L3.
/// </summary>
internal unsafe ref struct LinesAhead
{
    private readonly float* _end;
    private readonly nint _stepElements;
    private float* _next;

    /// <param name="next">The first word; rounded to its line.</param>
    /// <param name="count">Words.</param>
    /// <param name="limit">Nothing is fetched from here on.</param>
    /// <param name="steps">Steps of the loop.</param>
    public LinesAhead(float* next, int count, float* limit, int steps)
    {
        if (!Sse.IsSupported || next >= limit)
        {
            return;
        }

        _next = next;
        _end = next + Math.Min(count, limit - next);
        int lines = (count + CacheLine.Elements - 1) / CacheLine.Elements;
        _stepElements = (nint)((lines + steps - 1) / steps) * CacheLine.Elements;
    }

    /// <summary>One part of it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Fetch()
    {
        if (_next >= _end)
        {
            return;
        }

        float* last = _end - _next > _stepElements ? _next + _stepElements : _end;
        for (; _next < last; _next += CacheLine.Elements)
        {
            Sse.Prefetch1(_next);
        }
    }
}
