using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>What the convolution kernel needs besides its epilogue.</summary>
public readonly record struct ConvolveArguments(Operand Source, Operand PackedFilter, Operand Result, SlotTable Slots, ConvolveGeometry Geometry);

/// <summary>
/// Template <c>Convolve</c>: y[i, j, o] = epilogue(sum over k of x[source(i, j, k)] · w[o, k]), k running over tap row, tap
/// column and channel, which is also ascending in what is read; chunks of 256 in k, an FMA chain from +0 in each, chunk sums
/// added left to right. Taps outside the image are skipped; a chunk of skipped taps has the sum +0.
/// </summary>
/// <remarks>
/// x: images [H, W, C], a pixel each row of the operand; w: packed (<see cref="PackedFilter"/>); y: images [H', W', O], not one
/// of the inputs. A transposed convolution and the gradient by the input are the same template with
/// <see cref="ConvolveGeometry.ToGradient"/> on the transposed packing. Its items are the images; workers that share a tile take
/// rows of the result, or panels of channels where the filter is larger than the image.
/// </remarks>
/// <typeparam name="TEpilogue">A program over (pixel, channel) whose leaf <see cref="Accumulated"/> is the sum.</typeparam>
public sealed unsafe class ConvolveUnit<TEpilogue> : ConfiguredUnit
    where TEpilogue : struct, IProgram
{
    private readonly ConvolveArguments _arguments;
    private readonly ProgramBinding _epilogue;
    private readonly int _epilogueOperations;
    private readonly ConvolvePlan _plan;
    private readonly bool _wideRegisters;

    public ConvolveUnit(
        string name, ConvolveGeometry geometry, Operand source, Operand packedFilter, Operand result, ProgramBinding epilogue, int epilogueOperations)
        : this(name, geometry, source, packedFilter, result, epilogue, epilogueOperations, ContractHost.HasWideRegisters)
    {
    }

    /// <param name="wideRegisters">Which micro-kernels run; a test chooses, to prove that the bits do not depend on it.</param>
    internal ConvolveUnit(
        string name, ConvolveGeometry geometry, Operand source, Operand packedFilter, Operand result, ProgramBinding epilogue, int epilogueOperations,
        bool wideRegisters)
        : base(name, geometry.ResultPixels)
    {
        _arguments = new ConvolveArguments(source, packedFilter, result, epilogue.Slots, geometry);
        _epilogue = epilogue;
        _epilogueOperations = epilogueOperations;
        _plan = new ConvolvePlan(geometry, source.RowStrideElements, result.RowStrideElements);
        _wideRegisters = wideRegisters;
        OperationsPerItem = geometry.Operations + (long)epilogueOperations * geometry.ResultPixels * geometry.ResultChannels;
    }

    public override bool SplitsColumns => true;

    public override bool SplitsFinely => true;

    public override long OperationsPerItem { get; }

    public override void Interpret(InterpreterMemory memory, int items)
    {
        ConvolveGeometry g = _arguments.Geometry;
        for (long image = 0; image < items; image++)
        {
            for (int i = 0; i < g.Height.Result; i++)
            {
                for (int j = 0; j < g.Width.Result; j++)
                {
                    long row = image * g.ResultPixels + i * g.Width.Result + j;
                    for (int channel = 0; channel < g.ResultChannels; channel++)
                    {
                        float total = 0f;
                        for (int chunk = 0; chunk < g.Depth; chunk += ContractOrder.ChunkElements)
                        {
                            float sum = ChunkSum(memory, image, i, j, channel, chunk, Math.Min(g.Depth, chunk + ContractOrder.ChunkElements));
                            total = chunk == 0 ? sum : Exact.Add(total, sum);
                        }

                        var frame = new InterpreterFrame(memory, _arguments.Slots, row, channel, total);
                        memory.Store(_arguments.Result, row, channel, TEpilogue.Evaluate<ScalarLane, float, int, InterpreterFrame>(in frame));
                    }
                }
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        ConvolveGeometry g = _arguments.Geometry;
        int panels = PackedFilter.PanelCount(g);
        int rowBegin = 0;
        int rowEnd = tile.ItemCount * g.Height.Result;
        int panelBegin = 0;
        int panelEnd = panels;
        if (_plan.SplitsChannels)
        {
            tile.Share(panels, 1, out panelBegin, out panelEnd);
        }
        else
        {
            tile.Share(rowEnd, 1, out rowBegin, out rowEnd);
        }

        float* packed = tile.Whole(_arguments.PackedFilter);
        while (rowBegin < rowEnd && panelBegin < panelEnd)
        {
            int image = rowBegin / g.Height.Result;
            int end = Math.Min(rowEnd, (image + 1) * g.Height.Result);
            float* source = tile.Row(_arguments.Source, g.SourcePixels, (long)image * g.SourcePixels);
            float* result = tile.Row(_arguments.Result, g.ResultPixels, (long)image * g.ResultPixels);
            int firstRow = image * g.Height.Result;
            for (int i = rowBegin - firstRow; i < end - firstRow; i += _plan.BlockRows)
            {
                int iEnd = Math.Min(end - firstRow, i + _plan.BlockRows);
                for (int j = 0; j < g.Width.Result; j += _plan.BlockColumns)
                {
                    int jEnd = Math.Min(g.Width.Result, j + _plan.BlockColumns);
                    ConvolveHost.Block(_plan, source, packed, result, i, iEnd, j, jEnd, panelBegin, panelEnd, _wideRegisters);
                    if (typeof(TEpilogue) != typeof(Accumulated))
                    {
                        Finish(in tile, image, i, iEnd, j, jEnd, panelBegin, panelEnd);
                    }
                }
            }

            rowBegin = end;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(ConvolveKernel.Run<TEpilogue>, checked(items * RowsPerItem * _arguments.Geometry.ResultChannels), _arguments);

    private float ChunkSum(InterpreterMemory memory, long image, int i, int j, int channel, int chunk, int end)
    {
        ConvolveGeometry g = _arguments.Geometry;
        int channels = g.SourceChannelsPerGroup;
        int firstChannel = channel / g.ResultChannelsPerGroup * channels;
        float sum = 0f;
        for (int k = chunk; k < end; k++)
        {
            int tap = k / channels;
            int h = g.Height.At(i, tap / g.Width.Taps);
            int w = g.Width.At(j, tap % g.Width.Taps);
            if (h >= 0 && w >= 0)
            {
                float x = memory.Float(_arguments.Source, image * g.SourcePixels + h * g.Width.Source + w, firstChannel + k % channels);
                sum = Exact.Fma(x, memory.Float(_arguments.PackedFilter, 0, PackedFilter.IndexElements(g, channel, k)), sum);
            }
        }

        return sum;
    }

    /// <summary>The epilogue over a block that is still in the cache.</summary>
    private void Finish(in HostTile tile, int image, int i, int iEnd, int j, int jEnd, int panelBegin, int panelEnd)
    {
        ConvolveGeometry g = _arguments.Geometry;
        int begin = _plan.SplitsChannels ? panelBegin * ContractOrder.PanelColumns : 0;
        int end = _plan.SplitsChannels ? Math.Min(g.ResultChannels, panelEnd * ContractOrder.PanelColumns) : g.ResultChannels;
        float** rows = stackalloc float*[SlotTable.MaximumSlots];
        nint* strides = stackalloc nint[SlotTable.MaximumSlots];
        for (; i < iEnd; i++)
        {
            long row = (long)image * g.ResultPixels + i * g.Width.Result + j;
            _epilogue.Bind(in tile, RowsPerItem, row, rows, strides);
            float* target = tile.Row(_arguments.Result, RowsPerItem, row);
            for (int column = j; column < jEnd; column++)
            {
                Map.EpilogueHost.Row<TEpilogue>(rows, target, target, begin, end);
                target += _arguments.Result.RowStrideElements;
                for (int slot = 0; slot < _epilogue.Count; slot++)
                {
                    rows[slot] += strides[slot];
                }
            }
        }
    }
}
