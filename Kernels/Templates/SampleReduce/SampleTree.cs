namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>
/// The order of every sum over samples. Samples go in groups: the least power of two of them that has at least
/// <see cref="LeafRows"/> rows. The rows of a group are cut into leaves of <see cref="LeafRows"/> rows (the last may be short), each an
/// ascending chain from +0; leaves are combined by the binary tree over their index in the group, groups by the binary tree over the
/// index of the group, both aligned to powers of two; a subtree without a right sibling passes up unchanged. So a batch that is cut
/// at a power-of-two number of groups is cut at the top of the same tree.
/// </summary>
/// <remarks>
/// Leaf by leaf a tree is a binary counter: after leaf i, one pending partial sum is merged (pending + new) for each
/// trailing one bit of i, then the result pends at the level of the first zero bit. At the end the pending sums are merged
/// lowest level first, higher + lower. Where a group has a power of two of full leaves both trees are one, over all leaves.
/// </remarks>
public static class SampleTree
{
    /// <summary>Rows summed in one chain.</summary>
    public const int LeafRows = 32;

    /// <summary>Levels that a counter of 32-bit leaf indices can need.</summary>
    public const int MaximumLevels = 27;

    /// <summary>Rows of a group, where each sample has so many.</summary>
    /// <param name="rowsPerSample">Rows of a sample.</param>
    /// <param name="groupSamples">Samples of a group, a power of two; 0 for the least that has <see cref="LeafRows"/> rows.</param>
    public static int GroupRows(int rowsPerSample, int groupSamples = 0)
    {
        int rows = Math.Max(1, rowsPerSample);
        if (groupSamples > 0)
        {
            return checked(rows * groupSamples);
        }

        while (rows < LeafRows)
        {
            rows *= 2;
        }

        return rows;
    }

    /// <summary>Samples of a group; the parameters are those of <see cref="GroupRows"/>.</summary>
    public static int GroupSamples(int rowsPerSample, int groupSamples = 0) => GroupRows(rowsPerSample, groupSamples) / Math.Max(1, rowsPerSample);

    /// <summary>True if groups of so many rows are whole subtrees of the tree over all leaves.</summary>
    public static bool IsFlat(int groupRows) => groupRows % LeafRows == 0 && int.IsPow2(groupRows / LeafRows);

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
