using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>What the pack kernel needs.</summary>
/// <param name="Filter">Rows f of [tap row, tap column, channel of the group].</param>
/// <param name="Geometry">Of the convolution that reads the packing.</param>
/// <param name="Columns">Words of a row of the filter.</param>
/// <param name="Transposed">1 if the convolution is a gradient: the filter's rows are its source channels, taps in reverse.</param>
/// <param name="Rounds">1 if weights of 32 bits are rounded to the nearest bf16 on the way.</param>
public readonly record struct ConvolvePackArguments(Operand Filter, Operand Packed, ConvolveGeometry Geometry, int Columns, int Transposed, int Rounds);

/// <summary>
/// Template <c>Layout</c>, packing of filters w[f, kh, kw, c] into panels (<see cref="PackedFilter"/>): for a convolution f is
/// the result channel; transposed, for the gradient by its input, f is the source channel and the taps go in reverse.
/// </summary>
/// <remarks>Its items are the rows f. The zeros past the last channel are the arena's own.</remarks>
public sealed unsafe class ConvolvePackUnit : ConfiguredUnit
{
    private readonly ConvolvePackArguments _arguments;

    public ConvolvePackUnit(string name, ConvolveGeometry geometry, bool transposed, Operand filter, Operand packed, bool rounds = false)
        : base(name, rowsPerItem: 1)
    {
        int channels = transposed ? geometry.ResultChannelsPerGroup : geometry.SourceChannelsPerGroup;
        _arguments = new ConvolvePackArguments(
            filter, packed, geometry, geometry.Height.Taps * geometry.Width.Taps * channels, transposed ? 1 : 0, rounds ? 1 : 0);
    }

    public override long OperationsPerItem => 0;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        for (int f = 0; f < items; f++)
        {
            for (int i = 0; i < _arguments.Columns; i++)
            {
                memory.Store(_arguments.Packed, 0, ConvolvePackKernel.Target(_arguments, f, i), WeightReader.Interpreted(memory, _arguments.Filter, f, i, _arguments.Rounds));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        ConvolvePackArguments p = _arguments;
        float* packed = tile.Whole(p.Packed);
        float* buffer = HostBuffer.Of(0, WeightReader.Converts(p.Filter, p.Rounds) ? PanelPacking.RowsAtOnce * p.Columns : 0);
        for (int row = 0; row < tile.ItemCount;)
        {
            int f = tile.ItemBegin + row;
            int perGroup = p.Transposed != 0 ? p.Geometry.SourceChannelsPerGroup : p.Geometry.ResultChannelsPerGroup;
            int count = Math.Min(PanelPacking.Rows(tile.ItemCount - row, f % perGroup % ContractOrder.PanelColumns), perGroup - f % perGroup);
            float* filter = WeightReader.Rows(in tile, p.Filter, row, count, p.Columns, p.Rounds, buffer, out nint stride);
            if (p.Geometry.IsDepthwise)
            {
                for (int i = 0; i < p.Columns; i++)
                {
                    packed[ConvolvePackKernel.Target(p, f, i)] = filter[i];
                }
            }
            else if (p.Transposed == 0)
            {
                PanelPacking.AcrossLanes(filter, stride, count, p.Columns, packed + ConvolvePackKernel.Target(p, f, 0));
            }
            else
            {
                int channels = p.Geometry.ResultChannelsPerGroup;
                for (int i = 0; i < p.Columns; i += channels)
                {
                    PanelPacking.AlongDepth(
                        filter + i, stride, count, channels, packed + ConvolvePackKernel.Target(p, f, i), (nint)p.Geometry.Depth * ContractOrder.PanelColumns);
                }
            }

            row += count;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(ConvolvePackKernel.Run, checked(items * _arguments.Columns), _arguments);
}

/// <summary>Packing on a device: one thread for each word.</summary>
public static class ConvolvePackKernel
{
    public static MethodInfo Method => typeof(ConvolvePackKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, ConvolvePackArguments arguments)
    {
        int f = index / arguments.Columns;
        int i = index - f * arguments.Columns;
        arena[arguments.Packed.At(0, Target(arguments, f, i))] = WeightReader.OnDevice(arena, arguments.Filter, f, i, arguments.Rounds);
    }

    internal static long Target(ConvolvePackArguments p, int f, int i)
    {
        if (p.Transposed == 0)
        {
            return PackedFilter.IndexElements(p.Geometry, f, i);
        }

        int sourceChannels = p.Geometry.SourceChannelsPerGroup;
        int resultChannels = p.Geometry.ResultChannelsPerGroup;
        int group = f / sourceChannels;
        int tap = i / resultChannels;
        int reverse = p.Geometry.Height.Taps * p.Geometry.Width.Taps - 1 - tap;
        int channel = group * resultChannels + i - tap * resultChannels;
        return PackedFilter.IndexElements(p.Geometry, channel, reverse * sourceChannels + f - group * sourceChannels);
    }
}
