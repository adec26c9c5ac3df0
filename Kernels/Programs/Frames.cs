using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Programs;

/// <summary>Sixteen neighbouring columns of a row on the host.</summary>
public readonly unsafe struct HostWideFrame : IFrame<Vector512<float>>
{
    private readonly float** _rows;
    private readonly nint _column;

    /// <param name="rows">For each slot, the address of its element (row, 0).</param>
    /// <param name="column">The first of the sixteen columns.</param>
    /// <param name="accumulated">What the template computed there.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public HostWideFrame(float** rows, nint column, Vector512<float> accumulated = default)
    {
        _rows = rows;
        _column = column;
        Accumulated = accumulated;
    }

    public Vector512<float> Accumulated { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Full<TSlot>()
        where TSlot : struct, ISlot => Vector512.Load(_rows[TSlot.Index] + _column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Paired<TSlot>()
        where TSlot : struct, ISlot => BFloat16Pairs.Load((ushort*)_rows[TSlot.Index] + _column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> PerColumn<TSlot>()
        where TSlot : struct, ISlot => Vector512.Load(_rows[TSlot.Index] + _column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> PerRow<TSlot>()
        where TSlot : struct, ISlot => Vector512.Create(*_rows[TSlot.Index]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Uniform<TSlot>()
        where TSlot : struct, ISlot => Vector512.Create(*_rows[TSlot.Index]);
}

/// <summary>Eight neighbouring columns of a row on a host without 512-bit registers.</summary>
public readonly unsafe struct HostHalfFrame : IFrame<Vector256<float>>
{
    private readonly float** _rows;
    private readonly nint _column;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public HostHalfFrame(float** rows, nint column, Vector256<float> accumulated = default)
    {
        _rows = rows;
        _column = column;
        Accumulated = accumulated;
    }

    public Vector256<float> Accumulated { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Full<TSlot>()
        where TSlot : struct, ISlot => Vector256.Load(_rows[TSlot.Index] + _column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Paired<TSlot>()
        where TSlot : struct, ISlot => BFloat16Pairs.LoadHalf((ushort*)_rows[TSlot.Index] + _column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> PerColumn<TSlot>()
        where TSlot : struct, ISlot => Vector256.Load(_rows[TSlot.Index] + _column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> PerRow<TSlot>()
        where TSlot : struct, ISlot => Vector256.Create(*_rows[TSlot.Index]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Uniform<TSlot>()
        where TSlot : struct, ISlot => Vector256.Create(*_rows[TSlot.Index]);
}

/// <summary>One column of a row on the host: the columns that do not fill a wide lane.</summary>
public readonly unsafe struct HostScalarFrame : IFrame<float>
{
    private readonly float** _rows;
    private readonly nint _column;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public HostScalarFrame(float** rows, nint column, float accumulated = 0f)
    {
        _rows = rows;
        _column = column;
        Accumulated = accumulated;
    }

    public float Accumulated { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Full<TSlot>()
        where TSlot : struct, ISlot => _rows[TSlot.Index][_column];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Paired<TSlot>()
        where TSlot : struct, ISlot => BFloat16Pairs.Widen(((ushort*)_rows[TSlot.Index])[_column]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float PerColumn<TSlot>()
        where TSlot : struct, ISlot => _rows[TSlot.Index][_column];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float PerRow<TSlot>()
        where TSlot : struct, ISlot => *_rows[TSlot.Index];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Uniform<TSlot>()
        where TSlot : struct, ISlot => *_rows[TSlot.Index];
}

/// <summary>One element in a GPU kernel.</summary>
public readonly struct GpuFrame : IFrame<float>
{
    private readonly ArrayView<float> _arena;
    private readonly SlotTable _slots;
    private readonly long _row;
    private readonly long _column;

    public GpuFrame(ArrayView<float> arena, SlotTable slots, long row, long column, float accumulated)
    {
        _arena = arena;
        _slots = slots;
        _row = row;
        _column = column;
        Accumulated = accumulated;
    }

    public float Accumulated { get; }

    public float Full<TSlot>()
        where TSlot : struct, ISlot => _arena[TSlot.Of(in _slots).At(_row, _column)];

    public float Paired<TSlot>()
        where TSlot : struct, ISlot => BFloat16Pairs.Element(_arena, TSlot.Of(in _slots), _row, (int)_column);

    public float PerColumn<TSlot>()
        where TSlot : struct, ISlot => _arena[TSlot.Of(in _slots).At(0, _column)];

    public float PerRow<TSlot>()
        where TSlot : struct, ISlot => _arena[TSlot.Of(in _slots).At(_row, 0)];

    public float Uniform<TSlot>()
        where TSlot : struct, ISlot => _arena[TSlot.Of(in _slots).At(0, 0)];
}

/// <summary>One element in the interpreter.</summary>
public readonly struct InterpreterFrame : IFrame<float>
{
    private readonly InterpreterMemory _memory;
    private readonly SlotTable _slots;
    private readonly long _row;
    private readonly long _column;

    public InterpreterFrame(InterpreterMemory memory, SlotTable slots, long row, long column, float accumulated = 0f)
    {
        _memory = memory;
        _slots = slots;
        _row = row;
        _column = column;
        Accumulated = accumulated;
    }

    public float Accumulated { get; }

    public float Full<TSlot>()
        where TSlot : struct, ISlot => _memory.Float(TSlot.Of(in _slots), _row, _column);

    public float Paired<TSlot>()
        where TSlot : struct, ISlot => _memory.Float(TSlot.Of(in _slots), _row, _column);

    public float PerColumn<TSlot>()
        where TSlot : struct, ISlot => _memory.Float(TSlot.Of(in _slots), 0, _column);

    public float PerRow<TSlot>()
        where TSlot : struct, ISlot => _memory.Float(TSlot.Of(in _slots), _row, 0);

    public float Uniform<TSlot>()
        where TSlot : struct, ISlot => _memory.Float(TSlot.Of(in _slots), 0, 0);
}
