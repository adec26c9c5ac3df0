namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>
/// The leaves of a sum over samples that have several rows each (pixels, tokens): a power-of-two number of samples with at
/// least <see cref="SampleTree.LeafRows"/> rows, so one sample where that has as many. A leaf is summed like a contraction over
/// its rows; the leaves are combined by <see cref="SampleTree"/>.
/// </summary>
public static class SampleLeaf
{
    /// <summary>Samples of a leaf.</summary>
    public static int Samples(int rowsPerSample)
    {
        int samples = 1;
        while ((long)samples * rowsPerSample < SampleTree.LeafRows)
        {
            samples *= 2;
        }

        return samples;
    }

    /// <summary>Leaves of so many samples.</summary>
    public static int Count(int samples, int rowsPerSample)
    {
        int leaf = Samples(rowsPerSample);
        return (samples + leaf - 1) / leaf;
    }
}
