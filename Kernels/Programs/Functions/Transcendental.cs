using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>exp(x).</summary>
public readonly struct ExpFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => Exponential.Exp<TLane, TFloat, TInt>(x);
}

/// <summary>log(x).</summary>
public readonly struct LogFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => Logarithm.Log<TLane, TFloat, TInt>(x);
}

/// <summary>log(1 + x).</summary>
public readonly struct Log1pFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => Logarithm.Log1p<TLane, TFloat, TInt>(x);
}

/// <summary>tanh(x).</summary>
public readonly struct TanhFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => Hyperbolic.Tanh<TLane, TFloat, TInt>(x);
}

/// <summary>erf(x).</summary>
public readonly struct ErfFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => ErrorFunction.Erf<TLane, TFloat, TInt>(x);
}

/// <summary>1 / sqrt(x).</summary>
public readonly struct RsqrtFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => ReciprocalRoot.Rsqrt<TLane, TFloat, TInt>(x);
}

/// <summary>sin(x), x in radians.</summary>
public readonly struct SinFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => Trigonometric.Sin<TLane, TFloat, TInt>(x);
}

/// <summary>cos(x), x in radians.</summary>
public readonly struct CosFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => Trigonometric.Cos<TLane, TFloat, TInt>(x);
}

/// <summary>x^y.</summary>
public readonly struct PowFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => Power.Pow<TLane, TFloat, TInt>(x, y);
}
