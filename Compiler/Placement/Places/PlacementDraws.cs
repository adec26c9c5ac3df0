using RduEmu.Kernels.Numerics;

namespace RduEmu.Compiler.Placement.Places;

/// <summary>Random words of an annealing: Philox, keyed by (seed, stream), counted.</summary>
internal sealed class PlacementDraws(int seed)
{
    /// <summary>Stream of the placement among those of the product.</summary>
    private const int Stream = 0x506C6163;

    private readonly int[] _words = new int[4];
    private int _next = 4;
    private long _counter;

    /// <summary>A number in [0, <paramref name="bound"/>).</summary>
    public int Below(int bound)
    {
        if (_next == _words.Length)
        {
            (int c0, int c1, int c2, int c3) = ((int)_counter, (int)(_counter >> 32), 0, 0);
            Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, seed, Stream);
            (_words[0], _words[1], _words[2], _words[3]) = (c0, c1, c2, c3);
            _counter++;
            _next = 0;
        }

        return (int)(((ulong)(uint)_words[_next++] * (uint)bound) >> 32);
    }
}
