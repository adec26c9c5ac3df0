using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.Contract;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>What the kernel needs.</summary>
/// <param name="Geometry">Of the convolution whose filter's gradient it is.</param>
/// <param name="Before">Totals of the rows before, where <paramref name="Continues"/> is 1.</param>
/// <param name="Continues">1 if the first chunk sum is added to <paramref name="Before"/>, else 0.</param>
public readonly record struct SampleConvolveArguments(
    Operand ResultGradient, Operand Source, Operand Output, ConvolveGeometry Geometry, int Samples, Operand Before, int Continues);

/// <summary>
/// Template <c>SampleReduce</c> over pixels, a filter's gradient: dw[o, kh, kw, c] = sum over images b and pixels (i, j) of
/// dy[b, i, j, o] · x[b, source(i, kh), source(j, kw), c]. A group of images (<see cref="SampleTree"/>) is summed over its pixels in
/// ascending order in chunks of 256, an FMA chain from +0 in each, chunk sums added left to right; pixels whose source lies
/// outside are skipped. Groups are combined as <see cref="SampleTree"/> says. Of one image that is cut into tiles of rows a tile can
/// continue the sum of the tiles before it: its first chunk sum is added to their total, as it would be in the whole image.
/// </summary>
/// <remarks>
/// dy and x in the arena over all images, a pixel each row, each in words or (unless each channel has its own filter) in pairs of
/// bf16; its items are the rows o of dw [O, kh · kw · c].
/// </remarks>
public sealed unsafe class SampleConvolveUnit : ConfiguredUnit
{
    private readonly SampleConvolveArguments _arguments;
    private readonly SampleConvolvePlan _plan;
    private readonly long _scratchOffsetElements;
    private readonly bool _wideRegisters;

    /// <param name="scratchOffsetElements">Where in the worker's scratch its <see cref="ScratchElements"/> words begin.</param>
    /// <param name="before">The total of the tiles before, of the output's shape; null for none. With it there is one sample.</param>
    public SampleConvolveUnit(
        string name, ConvolveGeometry geometry, int samples, Operand resultGradient, Operand source, Operand output, long scratchOffsetElements,
        Operand? before = null)
        : this(name, geometry, samples, resultGradient, source, output, scratchOffsetElements, ContractHost.HasWideRegisters, before)
    {
    }

    internal SampleConvolveUnit(
        string name, ConvolveGeometry geometry, int samples, Operand resultGradient, Operand source, Operand output, long scratchOffsetElements,
        bool wideRegisters, Operand? before = null)
        : base(name, rowsPerItem: 1)
    {
        if (before is not null && samples != 1)
        {
            throw new ArgumentException("only one image can continue a sum", nameof(before));
        }

        _arguments = new SampleConvolveArguments(resultGradient, source, output, geometry, samples, before ?? default, before is null ? 0 : 1);
        _plan = new SampleConvolvePlan(geometry, samples);
        _scratchOffsetElements = scratchOffsetElements;
        _wideRegisters = wideRegisters;
        OperationsPerItem = samples * (geometry.Operations / geometry.ResultChannels);
    }

    public override long OperationsPerItem { get; }

    /// <summary>Words of scratch that the host needs for a tile of so many rows of dw.</summary>
    public static long ScratchElements(ConvolveGeometry geometry, int samples, int tileRows) =>
        geometry.IsDepthwise ? 0 : new SampleConvolvePlan(geometry, samples).ScratchElements(tileRows);

    public override void Interpret(InterpreterMemory memory, int items)
    {
        ConvolveGeometry g = _arguments.Geometry;
        int groupSamples = SampleTree.GroupRows(g.ResultPixels) / g.ResultPixels;
        var groups = new float[(_arguments.Samples + groupSamples - 1) / groupSamples];
        for (int o = 0; o < items; o++)
        {
            for (int k = 0; k < g.Depth; k++)
            {
                for (int group = 0; group < groups.Length; group++)
                {
                    long begin = (long)group * groupSamples * g.ResultPixels;
                    long end = Math.Min(begin + (long)groupSamples * g.ResultPixels, (long)_arguments.Samples * g.ResultPixels);
                    float total = _arguments.Continues == 1 ? memory.Float(_arguments.Before, o, k) : 0f;
                    for (long chunk = begin; chunk < end; chunk += ContractOrder.ChunkElements)
                    {
                        float sum = ChunkSum(memory, o, k, chunk, Math.Min(end, chunk + ContractOrder.ChunkElements));
                        total = chunk == begin && _arguments.Continues == 0 ? sum : Exact.Add(total, sum);
                    }

                    groups[group] = total;
                }

                memory.Store(_arguments.Output, o, k, SampleTree.Combine(groups));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        if (tile.ItemCount == 0)
        {
            return;
        }

        SampleConvolveArguments p = _arguments;
        float* output = tile.Row(p.Output, 1, 0);
        float* before = p.Continues == 1 ? tile.Row(p.Before, 1, 0) : null;
        if (p.Geometry.IsDepthwise)
        {
            SampleConvolveDepthwise.Run(
                _plan, tile.Whole(p.ResultGradient), p.ResultGradient.RowStrideElements, tile.Whole(p.Source), p.Source.RowStrideElements,
                output, p.Output.RowStrideElements, before, p.Before.RowStrideElements, tile.ItemBegin, tile.ItemCount);
            return;
        }

        SampleConvolveHost.Run(
            _plan, new SampleRows(in tile, p.ResultGradient), new SampleRows(in tile, p.Source), output, p.Output.RowStrideElements,
            before, p.Before.RowStrideElements, tile.ItemBegin, tile.ItemCount, (float*)tile.Scratch + _scratchOffsetElements, _wideRegisters);
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(SampleConvolveKernel.Run, checked(items * _arguments.Geometry.Depth), _arguments);

    private float ChunkSum(InterpreterMemory memory, int o, int k, long begin, long end)
    {
        ConvolveGeometry g = _arguments.Geometry;
        int tap = k / g.SourceChannelsPerGroup;
        int channel = o / g.ResultChannelsPerGroup * g.SourceChannelsPerGroup + k % g.SourceChannelsPerGroup;
        float sum = 0f;
        for (long row = begin; row < end; row++)
        {
            int pixel = (int)(row % g.ResultPixels);
            int h = g.Height.At(pixel / g.Width.Result, tap / g.Width.Taps);
            int w = g.Width.At(pixel % g.Width.Result, tap % g.Width.Taps);
            if (h >= 0 && w >= 0)
            {
                long source = row / g.ResultPixels * g.SourcePixels + h * g.Width.Source + w;
                sum = Exact.Fma(memory.Float(_arguments.ResultGradient, row, o), memory.Float(_arguments.Source, source, channel), sum);
            }
        }

        return sum;
    }
}

/// <summary>A filter's gradient on a device: one thread for each sum, the binary counter in its local memory.</summary>
public static class SampleConvolveKernel
{
    public static MethodInfo Method => typeof(SampleConvolveKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, SampleConvolveArguments p)
    {
        ConvolveGeometry g = p.Geometry;
        int o = index / g.Depth;
        int k = index - o * g.Depth;
        int tap = k / g.SourceChannelsPerGroup;
        int channel = o / g.ResultChannelsPerGroup * g.SourceChannelsPerGroup + k - tap * g.SourceChannelsPerGroup;
        int tapRow = tap / g.Width.Taps;
        int tapColumn = tap - tapRow * g.Width.Taps;
        ArrayView<float> pending = LocalMemory.Allocate<float>(SampleTree.MaximumLevels);
        int groupSamples = 1;
        while (groupSamples * g.ResultPixels < SampleTree.LeafRows)
        {
            groupSamples *= 2;
        }

        int groupCount = (p.Samples + groupSamples - 1) / groupSamples;
        for (int group = 0; group < groupCount; group++)
        {
            int end = (group + 1) * groupSamples;
            end = end < p.Samples ? end : p.Samples;
            float total = p.Continues == 1 ? arena[p.Before.At(o, k)] : 0f;
            float sum = 0f;
            int filled = 0;
            bool isFirst = p.Continues == 0;
            for (int b = group * groupSamples; b < end; b++)
            {
                for (int pixel = 0; pixel < g.ResultPixels; pixel++)
                {
                    if (filled == ContractOrder.ChunkElements)
                    {
                        total = isFirst ? sum : Exact.Add(total, sum);
                        isFirst = false;
                        sum = 0f;
                        filled = 0;
                    }

                    int i = pixel / g.Width.Result;
                    int h = g.Height.At(i, tapRow);
                    int w = g.Width.At(pixel - i * g.Width.Result, tapColumn);
                    if (h >= 0 && w >= 0)
                    {
                        float gradient = BFloat16Pairs.ElementOf(arena, p.ResultGradient, (long)b * g.ResultPixels + pixel, o);
                        float source = BFloat16Pairs.ElementOf(arena, p.Source, (long)b * g.SourcePixels + h * g.Width.Source + w, channel);
                        sum = Exact.Fma(gradient, source, sum);
                    }

                    filled++;
                }
            }

            total = isFirst ? sum : Exact.Add(total, sum);
            SampleTreeDevice.Push(pending, group, total);
        }

        arena[p.Output.At(o, k)] = SampleTreeDevice.Total(pending, groupCount);
    }
}
