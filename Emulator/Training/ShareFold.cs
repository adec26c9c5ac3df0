using System.Numerics;
using System.Runtime.InteropServices;

namespace RduEmu.Emulator.Training;

/// <summary>
/// Shares of a sum that come one after the other, added by the binary tree over their positions as they come: of N shares no more than
/// about log2 N are kept. An addition of two floats is the same everywhere, so it is made on the host.
/// </summary>
internal sealed class ShareFold(int length)
{
    /// <summary>Sums of whole subtrees, the larger first, as the digits of a binary counter.</summary>
    private readonly List<(int Shares, float[] Sum)> _subtrees = [];

    private readonly Stack<float[]> _free = [];

    /// <summary>Arrays that were ever needed.</summary>
    public int CountArrays { get; private set; }

    /// <summary>Room for the next share.</summary>
    public float[] Next()
    {
        if (!_free.TryPop(out float[]? room))
        {
            room = new float[length];
            CountArrays++;
        }

        return room;
    }

    /// <summary>The next share, in what <see cref="Next"/> gave.</summary>
    public void Add(float[] share)
    {
        int shares = 1;
        while (_subtrees.Count > 0 && _subtrees[^1].Shares == shares)
        {
            share = Join(share);
            shares *= 2;
        }

        _subtrees.Add((shares, share));
    }

    /// <summary>The sum of all: subtrees without a right sibling pass up unchanged. Begins anew.</summary>
    public void Finish(Span<float> sum)
    {
        float[] rest = _subtrees[^1].Sum;
        _subtrees.RemoveAt(_subtrees.Count - 1);
        while (_subtrees.Count > 0)
        {
            rest = Join(rest);
        }

        rest.CopyTo(sum);
        _free.Push(rest);
    }

    /// <summary>The last subtree and what is right of it, in the place of the first.</summary>
    private float[] Join(float[] right)
    {
        float[] left = _subtrees[^1].Sum;
        _subtrees.RemoveAt(_subtrees.Count - 1);
        Span<Vector<float>> wide = MemoryMarshal.Cast<float, Vector<float>>(left.AsSpan());
        ReadOnlySpan<Vector<float>> other = MemoryMarshal.Cast<float, Vector<float>>(right.AsSpan());
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] += other[i];
        }

        for (int i = wide.Length * Vector<float>.Count; i < left.Length; i++)
        {
            left[i] += right[i];
        }

        _free.Push(right);
        return left;
    }
}
