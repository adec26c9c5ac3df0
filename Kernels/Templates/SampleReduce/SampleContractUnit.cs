using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>What the kernel needs.</summary>
public readonly record struct SampleContractArguments(Operand OutputGradient, Operand Input, Operand Output, int Columns, int Samples);

/// <summary>
/// Template <c>SampleReduce</c> of products, a weight gradient: dw[n, k] = sum over rows b of dy[b, n] · x[b, k], an FMA chain
/// from +0 over the rows of each leaf, leaves combined as <see cref="SampleTree"/> says.
/// </summary>
/// <remarks>dy: [B, N], x: [B, K], both in the arena over all rows; its items are the rows n of dw.</remarks>
public sealed unsafe class SampleContractUnit : ConfiguredUnit
{
    private readonly SampleContractArguments _arguments;
    private readonly long _scratchOffsetElements;
    private readonly bool _wideRegisters;

    /// <param name="scratchOffsetElements">Where in the worker's scratch its <see cref="ScratchElements"/> words begin.</param>
    public SampleContractUnit(
        string name, int columns, int samples, Operand outputGradient, Operand input, Operand output, long scratchOffsetElements)
        : this(name, columns, samples, outputGradient, input, output, scratchOffsetElements, SampleContractHost.HasWideRegisters)
    {
    }

    internal SampleContractUnit(
        string name, int columns, int samples, Operand outputGradient, Operand input, Operand output, long scratchOffsetElements, bool wideRegisters)
        : base(name, rowsPerItem: 1)
    {
        _arguments = new SampleContractArguments(outputGradient, input, output, columns, samples);
        _scratchOffsetElements = scratchOffsetElements;
        _wideRegisters = wideRegisters;
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => 2L * _arguments.Samples * _arguments.Columns;

    /// <summary>Words of scratch that the host needs for a tile of so many rows of dw.</summary>
    public static long ScratchElements(int samples, int tileRows, int columns) => SampleContractHost.ScratchElements(samples, tileRows, columns);

    public override void Interpret(InterpreterMemory memory, int items)
    {
        SampleContractArguments p = _arguments;
        var leaves = new float[SampleTree.LeafCount(p.Samples)];
        for (int n = 0; n < items; n++)
        {
            for (int k = 0; k < p.Columns; k++)
            {
                for (int leaf = 0; leaf < leaves.Length; leaf++)
                {
                    float sum = 0f;
                    int end = Math.Min(p.Samples, (leaf + 1) * SampleTree.LeafRows);
                    for (int b = leaf * SampleTree.LeafRows; b < end; b++)
                    {
                        sum = Exact.Fma(memory.Float(p.OutputGradient, b, n), memory.Float(p.Input, b, k), sum);
                    }

                    leaves[leaf] = sum;
                }

                memory.Store(p.Output, n, k, SampleTree.Combine(leaves));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        tile.Share(_arguments.Columns, 16, out int begin, out int end);
        if (tile.ItemCount == 0 || begin >= end)
        {
            return;
        }

        SampleContractHost.Run(
            tile.Whole(_arguments.OutputGradient) + tile.ItemBegin, _arguments.OutputGradient.RowStrideElements,
            tile.Whole(_arguments.Input), _arguments.Input.RowStrideElements,
            tile.Row(_arguments.Output, 1, 0), _arguments.Output.RowStrideElements,
            _arguments.Samples, tile.ItemCount, _arguments.Columns, begin, end,
            (float*)tile.Scratch + _scratchOffsetElements, _wideRegisters);
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(SampleContractKernel.Run, checked(items * _arguments.Columns), _arguments);
}

/// <summary>A weight gradient on a device: one thread for each sum, the binary counter in its local memory.</summary>
public static class SampleContractKernel
{
    public static MethodInfo Method => typeof(SampleContractKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, SampleContractArguments p)
    {
        int n = index / p.Columns;
        int k = index - n * p.Columns;
        ArrayView<float> pending = LocalMemory.Allocate<float>(SampleTree.MaximumLevels);
        int leafCount = (p.Samples + SampleTree.LeafRows - 1) / SampleTree.LeafRows;
        for (int leaf = 0; leaf < leafCount; leaf++)
        {
            float sum = 0f;
            int end = (leaf + 1) * SampleTree.LeafRows;
            end = end < p.Samples ? end : p.Samples;
            for (int b = leaf * SampleTree.LeafRows; b < end; b++)
            {
                sum = Exact.Fma(arena[p.OutputGradient.At(b, n)], arena[p.Input.At(b, k)], sum);
            }

            int level = 0;
            while (((leaf >> level) & 1) != 0)
            {
                sum = Exact.Add(pending[level], sum);
                level++;
            }

            pending[level] = sum;
        }

        float total = 0f;
        bool empty = true;
        for (int level = 0; level < SampleTree.MaximumLevels; level++)
        {
            if (((leafCount >> level) & 1) != 0)
            {
                total = empty ? pending[level] : Exact.Add(pending[level], total);
                empty = false;
            }
        }

        arena[p.Output.At(n, k)] = total;
    }
}
