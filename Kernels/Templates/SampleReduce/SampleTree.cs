namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>
/// The order of every sum over samples: leaves of <see cref="LeafRows"/> rows; leaves combined by the binary tree over the
/// leaf index, aligned to powers of two; a subtree without a right sibling passes up unchanged. So a batch that is cut at a
/// power-of-two number of leaves is cut at the top of the same tree.
/// </summary>
/// <remarks>
/// Leaf by leaf the tree is a binary counter: after leaf i, one pending partial sum is merged (pending + new) for each
/// trailing one bit of i, then the result pends at the level of the first zero bit. At the end the pending sums are merged
/// lowest level first, higher + lower.
/// </remarks>
public static class SampleTree
{
    /// <summary>Rows summed in one chain.</summary>
    public const int LeafRows = 32;

    /// <summary>Levels that a counter of 32-bit leaf indices can need.</summary>
    public const int MaximumLevels = 27;

    public static int LeafCount(int rows) => (rows + LeafRows - 1) / LeafRows;

    /// <summary>The sum of the leaves, by the definition: recursively.</summary>
    public static float Combine(ReadOnlySpan<float> leaves)
    {
        if (leaves.Length == 0)
        {
            return 0f;
        }

        if (leaves.Length == 1)
        {
            return leaves[0];
        }

        int left = 1 << (31 - int.LeadingZeroCount(leaves.Length - 1));
        return Numerics.Exact.Add(Combine(leaves[..left]), Combine(leaves[left..]));
    }
}
