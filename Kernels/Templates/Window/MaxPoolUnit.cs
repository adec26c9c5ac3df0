using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Window;

/// <summary>What the kernel needs.</summary>
public readonly record struct MaxPoolArguments(Operand Source, Operand Result, WindowGeometry Geometry);

/// <summary>
/// Template <c>Window</c>, the largest: y[i, j, c] = the first of the largest x[source(i, t), source(j, u), c] over taps (t, u) in
/// ascending order; the first NaN if there is one; -inf where no tap lies inside.
/// </summary>
/// <remarks>x and y: images, a pixel each row of the operands. Workers that share a tile take rows of the result.</remarks>
public sealed unsafe class MaxPoolUnit : ConfiguredUnit
{
    private readonly MaxPoolArguments _arguments;

    public MaxPoolUnit(string name, WindowGeometry geometry, Operand source, Operand result)
        : base(name, geometry.ResultPixels) => _arguments = new MaxPoolArguments(source, result, geometry);

    public override bool SplitsColumns => true;

    public override long OperationsPerItem =>
        _arguments.Geometry.Height.CountTaps() * _arguments.Geometry.Width.CountTaps() * _arguments.Geometry.Channels;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        WindowGeometry g = _arguments.Geometry;
        for (long row = 0; row < (long)items * g.ResultPixels; row++)
        {
            long image = row / g.ResultPixels;
            int i = (int)(row % g.ResultPixels) / g.Width.Result;
            int j = (int)(row % g.ResultPixels) % g.Width.Result;
            for (int c = 0; c < g.Channels; c++)
            {
                float largest = float.NegativeInfinity;
                for (int tap = 0; tap < g.Height.Taps * g.Width.Taps; tap++)
                {
                    int h = g.Height.At(i, tap / g.Width.Taps);
                    int w = g.Width.At(j, tap % g.Width.Taps);
                    if (h >= 0 && w >= 0)
                    {
                        float x = memory.Float(_arguments.Source, image * g.SourcePixels + h * g.Width.Source + w, c);
                        largest = MaxPoolRule.Takes(largest, x) ? x : largest;
                    }
                }

                memory.Store(_arguments.Result, row, c, largest);
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        WindowGeometry g = _arguments.Geometry;
        tile.Share(tile.ItemCount * g.Height.Result, 1, out int begin, out int end);
        float** taps = stackalloc float*[g.Height.Taps * g.Width.Taps];
        for (int row = begin; row < end; row++)
        {
            long image = row / g.Height.Result;
            int i = row % g.Height.Result;
            float* source = tile.Row(_arguments.Source, g.SourcePixels, image * g.SourcePixels);
            float* result = tile.Row(_arguments.Result, g.ResultPixels, image * g.ResultPixels + (long)i * g.Width.Result);
            for (int j = 0; j < g.Width.Result; j++, result += _arguments.Result.RowStrideElements)
            {
                int count = MaxPoolRule.Window(g, source, _arguments.Source.RowStrideElements, i, j, taps, own: null, out _);
                Pixel(taps, count, result, g.Channels);
            }
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(MaxPoolKernel.Run, checked(items * RowsPerItem * _arguments.Geometry.Channels), _arguments);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pixel(float** taps, int count, float* result, int channels)
    {
        int c = 0;
        for (; c + 16 <= channels; c += 16)
        {
            Vector512<float> largest = Vector512.Create(float.NegativeInfinity);
            for (int tap = 0; tap < count; tap++)
            {
                Vector512<float> x = Vector512.Load(taps[tap] + c);
                largest = Vector512.ConditionalSelect(MaxPoolRule.Takes(largest, x), x, largest);
            }

            largest.Store(result + c);
        }

        for (; c < channels; c++)
        {
            float largest = float.NegativeInfinity;
            for (int tap = 0; tap < count; tap++)
            {
                float x = taps[tap][c];
                largest = MaxPoolRule.Takes(largest, x) ? x : largest;
            }

            result[c] = largest;
        }
    }
}

/// <summary>What both directions of the template share.</summary>
internal static unsafe class MaxPoolRule
{
    /// <summary>True if x becomes the largest so far.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Takes(float largest, float x) => largest < x || (float.IsNaN(x) && !float.IsNaN(largest));

    /// <summary>The same for sixteen, as a mask.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Takes(Vector512<float> largest, Vector512<float> x) =>
        Vector512.LessThan(largest, x) | Vector512.AndNot(Vector512.Equals(largest, largest), Vector512.Equals(x, x));

    /// <summary>The addresses of the taps of a window that lie inside, ascending.</summary>
    /// <param name="own">One of the source pixels, or null.</param>
    /// <param name="position">Which of the addresses it is, or -1.</param>
    public static int Window(WindowGeometry g, float* source, nint pitch, int i, int j, float** taps, float* own, out int position)
    {
        int count = 0;
        position = -1;
        for (int t = 0; t < g.Height.Taps; t++)
        {
            int h = g.Height.At(i, t);
            for (int u = 0; u < g.Width.Taps && h >= 0; u++)
            {
                int w = g.Width.At(j, u);
                if (w >= 0)
                {
                    float* address = source + ((nint)h * g.Width.Source + w) * pitch;
                    position = address == own ? count : position;
                    taps[count++] = address;
                }
            }
        }

        return count;
    }
}

/// <summary>The largest of each window on a device: one thread for each result.</summary>
public static class MaxPoolKernel
{
    public static MethodInfo Method => typeof(MaxPoolKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, MaxPoolArguments p)
    {
        WindowGeometry g = p.Geometry;
        int row = index / g.Channels;
        int c = index - row * g.Channels;
        int image = row / g.ResultPixels;
        int pixel = row - image * g.ResultPixels;
        int i = pixel / g.Width.Result;
        arena[p.Result.At(row, c)] = Largest(arena, p.Source, g, image, i, pixel - i * g.Width.Result, c, out _);
    }

    /// <summary>The largest of a window, and the tap where it is.</summary>
    internal static float Largest(ArrayView<float> arena, Operand source, WindowGeometry g, int image, int i, int j, int c, out int winner)
    {
        float largest = float.NegativeInfinity;
        winner = -1;
        for (int t = 0; t < g.Height.Taps; t++)
        {
            int h = g.Height.At(i, t);
            for (int u = 0; u < g.Width.Taps; u++)
            {
                int w = g.Width.At(j, u);
                if (h < 0 || w < 0)
                {
                    continue;
                }

                float x = arena[source.At((long)image * g.SourcePixels + h * g.Width.Source + w, c)];
                if (winner < 0 || largest < x || (float.IsNaN(x) && !float.IsNaN(largest)))
                {
                    largest = x;
                    winner = t * g.Width.Taps + u;
                }
            }
        }

        return largest;
    }
}
