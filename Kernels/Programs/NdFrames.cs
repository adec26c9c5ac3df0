using ILGPU;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Programs;

/// <summary>One element of N-d operands in a kernel. How an operand is repeated is in its strides, so all accesses are one.</summary>
public readonly struct NdGpuFrame : IFrame<float>
{
    private readonly ArrayView<float> _arena;
    private readonly NdSlots _slots;
    private readonly long _item;
    private readonly NdIndex _index;

    public NdGpuFrame(ArrayView<float> arena, NdSlots slots, long item, NdIndex index, float accumulated)
    {
        _arena = arena;
        _slots = slots;
        _item = item;
        _index = index;
        Accumulated = accumulated;
    }

    public float Accumulated { get; }

    public float Full<TSlot>()
        where TSlot : struct, ISlot => _arena[TSlot.Of(in _slots).At(_item, in _index)];

    /// <summary>Operands over N-d tensors have no pairs: the compiler widens them before.</summary>
    public float Paired<TSlot>()
        where TSlot : struct, ISlot => Full<TSlot>();

    public float PerColumn<TSlot>()
        where TSlot : struct, ISlot => Full<TSlot>();

    public float PerRow<TSlot>()
        where TSlot : struct, ISlot => Full<TSlot>();

    public float Uniform<TSlot>()
        where TSlot : struct, ISlot => Full<TSlot>();
}

/// <summary>One element of N-d operands in the interpreter.</summary>
public readonly struct NdInterpreterFrame : IFrame<float>
{
    private readonly InterpreterMemory _memory;
    private readonly NdSlots _slots;
    private readonly long _item;
    private readonly NdIndex _index;

    public NdInterpreterFrame(InterpreterMemory memory, NdSlots slots, long item, NdIndex index, float accumulated = 0f)
    {
        _memory = memory;
        _slots = slots;
        _item = item;
        _index = index;
        Accumulated = accumulated;
    }

    public float Accumulated { get; }

    public float Full<TSlot>()
        where TSlot : struct, ISlot => _memory.Float(TSlot.Of(in _slots), _item, in _index);

    /// <summary>Operands over N-d tensors have no pairs: the compiler widens them before.</summary>
    public float Paired<TSlot>()
        where TSlot : struct, ISlot => Full<TSlot>();

    public float PerColumn<TSlot>()
        where TSlot : struct, ISlot => Full<TSlot>();

    public float PerRow<TSlot>()
        where TSlot : struct, ISlot => Full<TSlot>();

    public float Uniform<TSlot>()
        where TSlot : struct, ISlot => Full<TSlot>();
}
