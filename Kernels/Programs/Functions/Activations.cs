using System.Runtime.CompilerServices;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>The standard normal distribution function and its density, the parts of GELU.</summary>
internal static class StandardNormal
{
    /// <summary>1 / sqrt(2) and 1 / sqrt(2 pi), rounded.</summary>
    private const float InverseSqrt2 = 0.707106769f;

    private const float InverseSqrt2Pi = 0.398942292f;

    /// <summary>(1 + erf(x · 0.70710677)) · 0.5.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Distribution<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat erf = ErrorFunction.Erf<TLane, TFloat, TInt>(TLane.Mul(x, TLane.Constant(InverseSqrt2)));
        return TLane.Mul(TLane.Add(TLane.Constant(1f), erf), TLane.Constant(0.5f));
    }

    /// <summary>exp((x · -0.5) · x) · 0.3989423.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Density<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat exponent = TLane.Mul(TLane.Mul(x, TLane.Constant(-0.5f)), x);
        return TLane.Mul(Exponential.Exp<TLane, TFloat, TInt>(exponent), TLane.Constant(InverseSqrt2Pi));
    }
}

/// <summary>x · Φ(x) with Φ(x) = (1 + erf(x / sqrt(2))) / 2 (Hendrycks and Gimpel, arXiv:1606.08415).</summary>
public readonly struct GeluFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Mul(x, StandardNormal.Distribution<TLane, TFloat, TInt>(x));
}

/// <summary>The gradient of GELU: dy · (Φ(x) + x φ(x)), the sum one FMA.</summary>
public readonly struct GeluGradientFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat dy)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat density = StandardNormal.Density<TLane, TFloat, TInt>(x);
        return TLane.Mul(dy, TLane.Fma(x, density, StandardNormal.Distribution<TLane, TFloat, TInt>(x)));
    }
}

/// <summary>The gradient of tanh by its output y: dy · (1 - y²), the difference one FMA.</summary>
public readonly struct TanhGradientFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat y, TFloat dy)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Mul(dy, TLane.Fma(TLane.Negate(y), y, TLane.Constant(1f)));
}
