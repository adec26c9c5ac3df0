using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.Window;

/// <summary>What the kernel needs.</summary>
public readonly record struct MaxPoolGradientArguments(Operand ResultGradient, Operand Source, Operand Output, WindowGeometry Geometry);

/// <summary>
/// Template <c>Window</c>, the gradient of <see cref="MaxPoolUnit"/> by its input: dx[h, w, c] = sum over the windows (i, j) whose
/// first largest x is at (h, w, c) of dy[i, j, c], in ascending order from +0. Each dx gathers for itself.
/// </summary>
/// <remarks>Its rows are the pixels of the source. Workers that share a tile take rows of it.</remarks>
public sealed unsafe class MaxPoolGradientUnit : ConfiguredUnit
{
    private readonly MaxPoolGradientArguments _arguments;

    public MaxPoolGradientUnit(string name, WindowGeometry geometry, Operand resultGradient, Operand source, Operand output)
        : base(name, geometry.SourcePixels) => _arguments = new MaxPoolGradientArguments(resultGradient, source, output, geometry);

    public override bool SplitsColumns => true;

    public override long OperationsPerItem =>
        2 * _arguments.Geometry.Height.CountTaps() * _arguments.Geometry.Width.CountTaps() * _arguments.Geometry.Channels;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        WindowGeometry g = _arguments.Geometry;
        for (long row = 0; row < (long)items * g.SourcePixels; row++)
        {
            long image = row / g.SourcePixels;
            int pixel = (int)(row % g.SourcePixels);
            for (int c = 0; c < g.Channels; c++)
            {
                float sum = 0f;
                for (int window = 0; window < g.ResultPixels; window++)
                {
                    if (Winner(memory, image, window / g.Width.Result, window % g.Width.Result, c) == pixel)
                    {
                        sum = Exact.Add(sum, memory.Float(_arguments.ResultGradient, image * g.ResultPixels + window, c));
                    }
                }

                memory.Store(_arguments.Output, row, c, sum);
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        WindowGeometry g = _arguments.Geometry;
        tile.Share(tile.ItemCount * g.Height.Source, 1, out int begin, out int end);
        float** taps = stackalloc float*[g.Height.Taps * g.Width.Taps];
        for (int row = begin; row < end; row++)
        {
            long image = row / g.Height.Source;
            int h = row % g.Height.Source;
            float* source = tile.Row(_arguments.Source, g.SourcePixels, image * g.SourcePixels);
            float* gradient = tile.Row(_arguments.ResultGradient, g.ResultPixels, image * g.ResultPixels);
            float* output = tile.Row(_arguments.Output, g.SourcePixels, image * g.SourcePixels + (long)h * g.Width.Source);
            for (int w = 0; w < g.Width.Source; w++, output += _arguments.Output.RowStrideElements)
            {
                Pixel(g, source, gradient, output, h, w, taps);
            }
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(MaxPoolGradientKernel.Run, checked(items * RowsPerItem * _arguments.Geometry.Channels), _arguments);

    /// <summary>The result whose tap reads a source position, or -1.</summary>
    internal static int WindowAt(Convolve.ConvolveAxis axis, int source, int tap)
    {
        int position = source + axis.PadBegin - tap * axis.Dilation;
        if (position < 0)
        {
            return -1;
        }

        int result = position / axis.Stride;
        return result * axis.Stride == position && result < axis.Result ? result : -1;
    }

    private int Winner(InterpreterMemory memory, long image, int i, int j, int c)
    {
        WindowGeometry g = _arguments.Geometry;
        float largest = float.NegativeInfinity;
        int winner = -1;
        for (int tap = 0; tap < g.Height.Taps * g.Width.Taps; tap++)
        {
            int h = g.Height.At(i, tap / g.Width.Taps);
            int w = g.Width.At(j, tap % g.Width.Taps);
            if (h >= 0 && w >= 0)
            {
                float x = memory.Float(_arguments.Source, image * g.SourcePixels + h * g.Width.Source + w, c);
                if (winner < 0 || MaxPoolRule.Takes(largest, x))
                {
                    largest = x;
                    winner = h * g.Width.Source + w;
                }
            }
        }

        return winner;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pixel(WindowGeometry g, float* source, float* gradient, float* output, int h, int w, float** taps)
    {
        nint pitch = _arguments.Source.RowStrideElements;
        float* own = source + ((nint)h * g.Width.Source + w) * pitch;
        new Span<float>(output, g.Channels).Clear();

        // A later tap reads the same pixel for an earlier window.
        for (int t = g.Height.Taps - 1; t >= 0; t--)
        {
            int i = WindowAt(g.Height, h, t);
            for (int u = g.Width.Taps - 1; u >= 0 && i >= 0; u--)
            {
                int j = WindowAt(g.Width, w, u);
                if (j >= 0)
                {
                    int count = MaxPoolRule.Window(g, source, pitch, i, j, taps, own, out int position);
                    AddWhereFirst(taps, count, position, gradient + ((nint)i * g.Width.Result + j) * _arguments.ResultGradient.RowStrideElements, output, g.Channels);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddWhereFirst(float** taps, int count, int position, float* gradient, float* sum, int channels)
    {
        int c = 0;
        for (; c + 16 <= channels; c += 16)
        {
            Vector512<float> largest = Vector512.Load(taps[0] + c);
            Vector512<float> isOwn = position == 0 ? Vector512<float>.AllBitsSet : Vector512<float>.Zero;
            for (int tap = 1; tap < count; tap++)
            {
                Vector512<float> x = Vector512.Load(taps[tap] + c);
                Vector512<float> takes = MaxPoolRule.Takes(largest, x);
                largest = Vector512.ConditionalSelect(takes, x, largest);
                isOwn = tap == position ? isOwn | takes : Vector512.AndNot(isOwn, takes);
            }

            Vector512<float> before = Vector512.Load(sum + c);
            Vector512.ConditionalSelect(isOwn, before + Vector512.Load(gradient + c), before).Store(sum + c);
        }

        for (; c < channels; c++)
        {
            float largest = taps[0][c];
            int winner = 0;
            for (int tap = 1; tap < count; tap++)
            {
                if (MaxPoolRule.Takes(largest, taps[tap][c]))
                {
                    largest = taps[tap][c];
                    winner = tap;
                }
            }

            sum[c] = winner == position ? sum[c] + gradient[c] : sum[c];
        }
    }
}

/// <summary>The gradient on a device: one thread for each source element.</summary>
public static class MaxPoolGradientKernel
{
    public static MethodInfo Method => typeof(MaxPoolGradientKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, MaxPoolGradientArguments p)
    {
        WindowGeometry g = p.Geometry;
        int row = index / g.Channels;
        int c = index - row * g.Channels;
        int image = row / g.SourcePixels;
        int pixel = row - image * g.SourcePixels;
        int h = pixel / g.Width.Source;
        int w = pixel - h * g.Width.Source;
        float sum = 0f;
        for (int t = g.Height.Taps - 1; t >= 0; t--)
        {
            int i = MaxPoolGradientUnit.WindowAt(g.Height, h, t);
            for (int u = g.Width.Taps - 1; u >= 0; u--)
            {
                int j = MaxPoolGradientUnit.WindowAt(g.Width, w, u);
                if (i < 0 || j < 0)
                {
                    continue;
                }

                MaxPoolKernel.Largest(arena, p.Source, g, image, i, j, c, out int winner);
                if (winner == t * g.Width.Taps + u)
                {
                    sum = Exact.Add(sum, arena[p.ResultGradient.At((long)image * g.ResultPixels + i * g.Width.Result + j, c)]);
                }
            }
        }

        arena[p.Output.At(row, c)] = sum;
    }
}
