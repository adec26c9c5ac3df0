using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>x where x &gt;= 0 or NaN, else slope · x: leaky and parametric ReLU.</summary>
public readonly struct LeakyReluFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat slope)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Select(TLane.Less(x, TLane.Constant(0f)), TLane.Mul(slope, x), x);
}

/// <summary>x where x &gt; 0, else alpha (exp(x) - 1).</summary>
public readonly struct EluFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat alpha)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Select(TLane.Less(TLane.Constant(0f), x), x, TLane.Mul(alpha, Exponential.Expm1<TLane, TFloat, TInt>(x)));
}

/// <summary>max(x, 0) + min(alpha (exp(x / alpha) - 1), 0).</summary>
public readonly struct CeluFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat alpha)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat lower = TLane.Mul(alpha, Exponential.Expm1<TLane, TFloat, TInt>(TLane.Div(x, alpha)));
        return TLane.Select(TLane.Less(TLane.Constant(0f), x), x, lower);
    }
}

/// <summary>gamma x where x &gt; 0, else gamma (alpha exp(x) - alpha), as gamma · (alpha · (exp(x) - 1)).</summary>
public readonly struct SeluFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat alpha, TFloat gamma)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat lower = TLane.Mul(alpha, Exponential.Expm1<TLane, TFloat, TInt>(x));
        return TLane.Mul(gamma, TLane.Select(TLane.Less(TLane.Constant(0f), x), x, lower));
    }
}

/// <summary>max(0, min(1, alpha · x + beta)).</summary>
public readonly struct HardSigmoidFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat alpha, TFloat beta)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat line = TLane.Add(TLane.Mul(alpha, x), beta);
        line = TLane.Select(TLane.Less(TLane.Constant(1f), line), TLane.Constant(1f), line);
        return TLane.Select(TLane.Less(line, TLane.Constant(0f)), TLane.Constant(0f), line);
    }
}

/// <summary>x · max(0, min(1, x / 6 + 1/2)).</summary>
public readonly struct HardSwishFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Mul(x, HardSigmoidFunction.Apply<TLane, TFloat, TInt>(x, TLane.Constant(1f / 6f), TLane.Constant(0.5f)));
}

/// <summary>log(1 + exp(x)), as max(x, 0) + log1p(exp(-|x|)).</summary>
public readonly struct SoftplusFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat e = Exponential.Exp<TLane, TFloat, TInt>(TLane.Negate(TLane.Abs(x)));
        TFloat positive = TLane.Select(TLane.Less(x, TLane.Constant(0f)), TLane.Constant(0f), x);
        return TLane.Add(positive, Logarithm.Log1p<TLane, TFloat, TInt>(e));
    }
}

/// <summary>x / (1 + |x|).</summary>
public readonly struct SoftsignFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Div(x, TLane.Add(TLane.Constant(1f), TLane.Abs(x)));
}

/// <summary>x · tanh(log(1 + exp(x))).</summary>
public readonly struct MishFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Mul(x, Hyperbolic.Tanh<TLane, TFloat, TInt>(SoftplusFunction.Apply<TLane, TFloat, TInt>(x)));
}

/// <summary>x · sigmoid(alpha · x).</summary>
public readonly struct SwishFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat alpha)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Mul(x, Logistic.Sigmoid<TLane, TFloat, TInt>(TLane.Mul(alpha, x)));
}

/// <summary>x where x &gt; alpha, else +0.</summary>
public readonly struct ThresholdedReluFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat alpha)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Select(TLane.Less(alpha, x), x, TLane.Constant(0f));
}

/// <summary>x + bias below -limit, x - bias above limit, else +0.</summary>
public readonly struct ShrinkFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat bias, TFloat limit)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat upper = TLane.Select(TLane.Less(limit, x), TLane.Sub(x, bias), TLane.Constant(0f));
        return TLane.Select(TLane.Less(x, TLane.Negate(limit)), TLane.Add(x, bias), upper);
    }
}
