using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>What an indexed update needs besides its function.</summary>
/// <param name="Target">Over the lanes and then the steps, with a stride of 0 along the axes that a position names.</param>
/// <param name="Lanes">Updates that go side by side: they never meet.</param>
/// <param name="Steps">Updates of one lane, which may meet.</param>
public readonly record struct IndexedUpdateArguments(
    NdOperand Target, NdOperand Updates, NdOperand Indices, IndexArguments Index, NdShape Shape, int Lanes, int Steps, int Code);

/// <summary>
/// Template <c>IndexedUpdate</c>: out[u + position(u)] = combine(out[u + position(u)], update[u]) for all updates u, those that meet at
/// one element in ascending order of their index: scatters of every kind into a tensor that is already there. A position outside
/// its axis is left out.
/// </summary>
/// <remarks>One item: the whole tensor. Updates lie over the lanes' axes and then the steps' axes, whose order is the order of the updates.</remarks>
public sealed unsafe class IndexedUpdateUnit<TCombine> : ConfiguredUnit
    where TCombine : struct, IWordFunction
{
    private readonly ReduceLoops _loops;
    private readonly IndexedUpdateArguments _arguments;

    /// <param name="lanes">Extents of the axes along which updates never meet.</param>
    /// <param name="steps">Extents of the axes along which they may.</param>
    public IndexedUpdateUnit(
        string name, int[] lanes, int[] steps, NdOperand target, NdOperand updates, NdOperand indices, IndexArguments index, int code)
        : base(name, rowsPerItem: 1)
    {
        _loops = new ReduceLoops(lanes, steps, [], [target, updates, indices]);
        _arguments = new IndexedUpdateArguments(
            _loops.Elements[0], _loops.Elements[1], _loops.Elements[2], index, _loops.Combined, _loops.KeptCount, _loops.ReducedCount, code);
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)_loops.KeptCount * _loops.ReducedCount;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        IndexedUpdateArguments p = _arguments;
        for (int lane = 0; lane < p.Lanes; lane++)
        {
            for (int step = 0; step < p.Steps; step++)
            {
                NdIndex index = NdIndex.Of(p.Shape, lane * p.Steps + step);
                long moved = 0;
                bool isInside = true;
                for (int component = 0; component < p.Index.Count; component++)
                {
                    NdOperand indices = p.Indices.Moved((long)component * p.Index.ComponentStride);
                    long way = p.Index.Step(component, memory.Wide(indices, p.Index.Code, 0, index));
                    isInside &= way >= 0;
                    moved += way;
                }

                if (isInside)
                {
                    NdOperand target = p.Target.Moved(moved);
                    long sum = TCombine.Apply(memory.Wide(target, p.Code, 0, index), memory.Wide(p.Updates, p.Code, 0, index), 0);
                    memory.Store(target, p.Code, 0, index, sum);
                }
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        IndexedUpdateArguments p = _arguments;
        Span<int> index = stackalloc int[NdShape.MaximumRank];
        var lanes = new KeptElements(_loops, in tile, stackalloc int[NdShape.MaximumRank], stackalloc nint[3]);
        while (lanes.MoveNext())
        {
            var steps = new ReducedElements(_loops.Reduced, index);
            for (int step = 0; step < p.Steps; step++)
            {
                var indices = (int*)lanes.Address(2) + steps.Position(2);
                var target = (int*)lanes.Address(0) + steps.Position(0);
                bool isInside = true;
                for (int component = 0; component < p.Index.Count; component++)
                {
                    long way = p.Index.Step(component, HostWord.Load(indices + (nint)component * p.Index.ComponentStride, p.Index.Code));
                    isInside &= way >= 0;
                    target += way;
                }

                if (isInside)
                {
                    var update = (int*)lanes.Address(1) + steps.Position(1);
                    HostWord.Store(target, p.Code, TCombine.Apply(HostWord.Load(target, p.Code), HostWord.Load(update, p.Code), 0));
                }

                steps.Skip(1);
            }
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(IndexedUpdateKernel.Run<TCombine>, _arguments.Lanes, _arguments);
}

/// <summary>Indexed updates on a device: one thread for each lane, which makes its updates one after the other.</summary>
public static class IndexedUpdateKernel
{
    public static MethodInfo Method(Type combine) => typeof(IndexedUpdateKernel).GetMethod(nameof(Run))!.MakeGenericMethod(combine);

    public static void Run<TCombine>(Index1D lane, ArrayView<float> arena, ArrayView<int> words, IndexedUpdateArguments p)
        where TCombine : struct, IWordFunction
    {
        for (int step = 0; step < p.Steps; step++)
        {
            NdIndex index = NdIndex.Of(p.Shape, lane * p.Steps + step);
            long at = p.Indices.At(0, in index);
            long target = p.Target.At(0, in index);
            bool isInside = true;
            for (int component = 0; component < p.Index.Count; component++)
            {
                long way = p.Index.Step(component, DeviceWord.Load(words, at + (long)component * p.Index.ComponentStride, p.Index.Code));
                isInside &= way >= 0;
                target += way;
            }

            if (isInside)
            {
                long update = DeviceWord.Load(words, p.Updates.At(0, in index), p.Code);
                DeviceWord.Store(words, target, p.Code, TCombine.Apply(DeviceWord.Load(words, target, p.Code), update, 0));
            }
        }
    }
}
