using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>What a scan needs besides its function.</summary>
/// <param name="Exclusive">1 if an output leaves out its own element, else 0.</param>
/// <param name="Reverse">1 if the axis is passed from its end, else 0.</param>
public readonly record struct ScanArguments(
    NdOperand Output, NdOperand X, NdShape Kept, NdShape Combined, int KeptCount, int Length, int Code, long Identity, int Exclusive, int Reverse);

/// <summary>
/// Template <c>Scan</c>: out[o, i] = combine(...combine(combine(identity, x[o, 0]), x[o, 1])..., x[o, i]) along one axis, one after
/// the other; exclusive: without x[o, i]; reversed: from the last element. Cumulative sums and products of any type.
/// </summary>
public sealed unsafe class ScanUnit<TCombine> : ConfiguredUnit
    where TCombine : struct, IWordFunction
{
    private readonly ReduceLoops _loops;
    private readonly ScanArguments _arguments;
    private readonly int _strideX;
    private readonly int _strideOutput;

    /// <param name="kept">Extents of the other axes of one item.</param>
    /// <param name="length">Extent of the axis.</param>
    /// <param name="output">Over the other axes and then the axis.</param>
    /// <param name="x">The same, of the same type; may be the output.</param>
    public ScanUnit(string name, int[] kept, int length, NdOperand output, NdOperand x, int code, long identity, bool exclusive, bool reverse)
        : base(name, rowsPerItem: 1)
    {
        _loops = new ReduceLoops(kept, [length], [], [output, x]);
        _strideOutput = output.S6;
        _strideX = x.S6;
        _arguments = new ScanArguments(
            _loops.Elements[0], _loops.Elements[1], _loops.Kept.Shape, _loops.Combined, _loops.KeptCount, length, code, identity,
            exclusive ? 1 : 0, reverse ? 1 : 0);
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)_loops.KeptCount * _arguments.Length;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        ScanArguments p = _arguments;
        for (int item = 0; item < items; item++)
        {
            for (int o = 0; o < p.KeptCount; o++)
            {
                long total = p.Identity;
                for (int step = 0; step < p.Length; step++)
                {
                    int i = p.Reverse != 0 ? p.Length - 1 - step : step;
                    NdIndex index = NdIndex.Of(p.Combined, o * p.Length + i);
                    long next = TCombine.Apply(total, memory.Wide(p.X, p.Code, item, index), 0);
                    memory.Store(p.Output, p.Code, item, index, p.Exclusive != 0 ? total : next);
                    total = next;
                }
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        ScanArguments p = _arguments;
        var rows = new KeptElements(_loops, in tile, stackalloc int[NdShape.MaximumRank], stackalloc nint[2]);
        while (rows.MoveNext())
        {
            long total = p.Identity;
            for (int step = 0; step < p.Length; step++)
            {
                nint i = p.Reverse != 0 ? p.Length - 1 - step : step;
                long next = TCombine.Apply(total, HostWord.Load((int*)rows.Address(1) + i * _strideX, p.Code), 0);
                HostWord.Store((int*)rows.Address(0) + i * _strideOutput, p.Code, p.Exclusive != 0 ? total : next);
                total = next;
            }
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(ScanKernel.Run<TCombine>, checked(items * _arguments.KeptCount), _arguments);
}

/// <summary>Scans on a device: one thread for each row.</summary>
public static class ScanKernel
{
    public static MethodInfo Method(Type combine) => typeof(ScanKernel).GetMethod(nameof(Run))!.MakeGenericMethod(combine);

    public static void Run<TCombine>(Index1D thread, ArrayView<float> arena, ArrayView<int> words, ScanArguments p)
        where TCombine : struct, IWordFunction
    {
        int item = thread / p.KeptCount;
        int o = thread - item * p.KeptCount;
        long total = p.Identity;
        for (int step = 0; step < p.Length; step++)
        {
            int i = p.Reverse != 0 ? p.Length - 1 - step : step;
            NdIndex index = NdIndex.Of(p.Combined, o * p.Length + i);
            long next = TCombine.Apply(total, DeviceWord.Load(words, p.X.At(item, in index), p.Code), 0);
            DeviceWord.Store(words, p.Output.At(item, in index), p.Code, p.Exclusive != 0 ? total : next);
            total = next;
        }
    }
}
