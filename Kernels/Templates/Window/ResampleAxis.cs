namespace RduEmu.Kernels.Templates.Window;

/// <summary>
/// One axis of a linear resampling: for each result the source positions that it reads, ascending, each with a weight. Nearest
/// and bilinear up-sampling, average pooling, cropping, and the gradients of them all are such tables.
/// </summary>
public sealed class ResampleAxis
{
    private readonly int[] _begins;
    private readonly int[] _sources;
    private readonly float[] _weights;

    private ResampleAxis(int source, IReadOnlyList<List<(int Source, float Weight)>> entries)
    {
        Source = source;
        _begins = new int[entries.Count + 1];
        for (int result = 0; result < entries.Count; result++)
        {
            _begins[result + 1] = _begins[result] + entries[result].Count;
        }

        _sources = [.. entries.SelectMany(list => list.Select(entry => entry.Source))];
        _weights = [.. entries.SelectMany(list => list.Select(entry => entry.Weight))];
    }

    public int Source { get; }

    public int Result => _begins.Length - 1;

    public int CountEntries => _sources.Length;

    public ReadOnlySpan<int> Begins => _begins;

    public ReadOnlySpan<int> Sources => _sources;

    public ReadOnlySpan<float> Weights => _weights;

    /// <summary>As one row of integers: begins, source positions, bits of the weights.</summary>
    public int[] ToWords() => [.. _begins, .. _sources, .. _weights.Select(BitConverter.SingleToInt32Bits)];

    /// <summary>Each source <paramref name="factor"/> times.</summary>
    public static ResampleAxis Nearest(int source, int factor) => Of(source, source * factor, result => [(result / factor, 1f)]);

    /// <summary>A part of the source.</summary>
    public static ResampleAxis Crop(int source, int begin, int result) => Of(source, result, i => [(i + begin, 1f)]);

    /// <summary>
    /// Linear interpolation. With aligned corners result i is at i · (source - 1) / (result - 1), else at
    /// (i + 1/2) · source / result - 1/2, not below 0; the weight of the pixel behind is the fraction, rounded to binary32, that of the
    /// pixel before 1 minus it. At the end there is one pixel, of weight 1.
    /// </summary>
    public static ResampleAxis Linear(int source, int result, bool alignCorners) => Of(source, result, i =>
    {
        double position = alignCorners
            ? (result > 1 ? (double)i * (source - 1) / (result - 1) : 0)
            : Math.Max(0, (i + 0.5) * source / result - 0.5);
        int before = Math.Min((int)position, source - 1);
        float fraction = (float)(position - before);
        return before + 1 >= source || fraction == 0 ? [(before, 1f)] : [(before, 1f - fraction), (before + 1, fraction)];
    });

    /// <summary>The mean over windows; what lies outside does not count.</summary>
    public static ResampleAxis Mean(Convolve.ConvolveAxis axis) => Of(axis.Source, axis.Result, i =>
    {
        int[] inside = [.. Enumerable.Range(0, axis.Taps).Select(tap => axis.At(i, tap)).Where(position => position >= 0)];
        return [.. inside.Select(position => (position, 1f / inside.Length))];
    });

    /// <summary>The axis of the gradient: for each source the results that read it, ascending.</summary>
    public ResampleAxis Transpose()
    {
        var entries = Enumerable.Range(0, Source).Select(_ => new List<(int, float)>()).ToArray();
        for (int result = 0; result < Result; result++)
        {
            for (int entry = _begins[result]; entry < _begins[result + 1]; entry++)
            {
                entries[_sources[entry]].Add((result, _weights[entry]));
            }
        }

        return new ResampleAxis(Result, entries);
    }

    private static ResampleAxis Of(int source, int result, Func<int, List<(int Source, float Weight)>> entriesOf) =>
        new(source, [.. Enumerable.Range(0, result).Select(entriesOf)]);
}
