using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>tan(x), x in radians.</summary>
public readonly struct TanFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        Trigonometric.Tan<TLane, TFloat, TInt>(x);
}

/// <summary>The arc sine, in radians.</summary>
public readonly struct AsinFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        InverseTrigonometric.Asin<TLane, TFloat, TInt>(x);
}

/// <summary>The arc cosine, in radians.</summary>
public readonly struct AcosFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        InverseTrigonometric.Acos<TLane, TFloat, TInt>(x);
}

/// <summary>The arc tangent, in radians.</summary>
public readonly struct AtanFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        InverseTrigonometric.Atan<TLane, TFloat, TInt>(x);
}

/// <summary>sinh(x).</summary>
public readonly struct SinhFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        HyperbolicSine.Sinh<TLane, TFloat, TInt>(x);
}

/// <summary>cosh(x).</summary>
public readonly struct CoshFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        HyperbolicSine.Cosh<TLane, TFloat, TInt>(x);
}

/// <summary>The inverse of sinh.</summary>
public readonly struct AsinhFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        InverseHyperbolic.Asinh<TLane, TFloat, TInt>(x);
}

/// <summary>The inverse of cosh, at least 0.</summary>
public readonly struct AcoshFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        InverseHyperbolic.Acosh<TLane, TFloat, TInt>(x);
}

/// <summary>The inverse of tanh.</summary>
public readonly struct AtanhFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        InverseHyperbolic.Atanh<TLane, TFloat, TInt>(x);
}

/// <summary>exp(x) - 1.</summary>
public readonly struct Expm1Function : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        Exponential.Expm1<TLane, TFloat, TInt>(x);
}
