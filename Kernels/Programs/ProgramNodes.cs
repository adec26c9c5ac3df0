using System.Runtime.CompilerServices;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Programs;

/// <summary>A function of one value, written once for all lanes.</summary>
public interface IUnaryFunction
{
    static abstract TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged;
}

/// <summary>A function of two values, written once for all lanes.</summary>
public interface IBinaryFunction
{
    static abstract TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged;
}

/// <summary>A function of three values, written once for all lanes.</summary>
public interface ITernaryFunction
{
    static abstract TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y, TFloat z)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged;
}

public readonly struct Unary<TFunction, TX> : IProgram
    where TFunction : struct, IUnaryFunction
    where TX : struct, IProgram
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Evaluate<TLane, TFloat, TInt, TFrame>(in TFrame frame)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TFrame : struct, IFrame<TFloat> =>
        TFunction.Apply<TLane, TFloat, TInt>(TX.Evaluate<TLane, TFloat, TInt, TFrame>(in frame));
}

public readonly struct Binary<TFunction, TX, TY> : IProgram
    where TFunction : struct, IBinaryFunction
    where TX : struct, IProgram
    where TY : struct, IProgram
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Evaluate<TLane, TFloat, TInt, TFrame>(in TFrame frame)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TFrame : struct, IFrame<TFloat> =>
        TFunction.Apply<TLane, TFloat, TInt>(
            TX.Evaluate<TLane, TFloat, TInt, TFrame>(in frame),
            TY.Evaluate<TLane, TFloat, TInt, TFrame>(in frame));
}

public readonly struct Ternary<TFunction, TX, TY, TZ> : IProgram
    where TFunction : struct, ITernaryFunction
    where TX : struct, IProgram
    where TY : struct, IProgram
    where TZ : struct, IProgram
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Evaluate<TLane, TFloat, TInt, TFrame>(in TFrame frame)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TFrame : struct, IFrame<TFloat> =>
        TFunction.Apply<TLane, TFloat, TInt>(
            TX.Evaluate<TLane, TFloat, TInt, TFrame>(in frame),
            TY.Evaluate<TLane, TFloat, TInt, TFrame>(in frame),
            TZ.Evaluate<TLane, TFloat, TInt, TFrame>(in frame));
}

/// <summary>in[row, column].</summary>
public readonly struct Full<TSlot> : IProgram
    where TSlot : struct, ISlot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Evaluate<TLane, TFloat, TInt, TFrame>(in TFrame frame)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TFrame : struct, IFrame<TFloat> => frame.Full<TSlot>();
}

/// <summary>in[row, column], a bf16 that shares its word with a neighbour.</summary>
public readonly struct Paired<TSlot> : IProgram
    where TSlot : struct, ISlot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Evaluate<TLane, TFloat, TInt, TFrame>(in TFrame frame)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TFrame : struct, IFrame<TFloat> => frame.Paired<TSlot>();
}

/// <summary>in[column].</summary>
public readonly struct PerColumn<TSlot> : IProgram
    where TSlot : struct, ISlot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Evaluate<TLane, TFloat, TInt, TFrame>(in TFrame frame)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TFrame : struct, IFrame<TFloat> => frame.PerColumn<TSlot>();
}

/// <summary>in[row, 0].</summary>
public readonly struct PerRow<TSlot> : IProgram
    where TSlot : struct, ISlot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Evaluate<TLane, TFloat, TInt, TFrame>(in TFrame frame)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TFrame : struct, IFrame<TFloat> => frame.PerRow<TSlot>();
}

/// <summary>in[0].</summary>
public readonly struct Uniform<TSlot> : IProgram
    where TSlot : struct, ISlot
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Evaluate<TLane, TFloat, TInt, TFrame>(in TFrame frame)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TFrame : struct, IFrame<TFloat> => frame.Uniform<TSlot>();
}

/// <summary>What the template computed.</summary>
public readonly struct Accumulated : IProgram
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Evaluate<TLane, TFloat, TInt, TFrame>(in TFrame frame)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TFrame : struct, IFrame<TFloat> => frame.Accumulated;
}

/// <summary>+0 everywhere.</summary>
public readonly struct Zero : IProgram
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Evaluate<TLane, TFloat, TInt, TFrame>(in TFrame frame)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TFrame : struct, IFrame<TFloat> => TLane.Constant(0f);
}
