using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>1 / (1 + exp(-x)).</summary>
public readonly struct SigmoidFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => Logistic.Sigmoid<TLane, TFloat, TInt>(x);
}

/// <summary>The gradient of the sigmoid by its output y: (dy · y) · (1 - y).</summary>
public readonly struct SigmoidGradientFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat y, TFloat dy)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Mul(TLane.Mul(dy, y), TLane.Sub(TLane.Constant(1f), y));
}

/// <summary>(p - t)².</summary>
public readonly struct SquaredErrorFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat p, TFloat t)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat difference = TLane.Sub(p, t);
        return TLane.Mul(difference, difference);
    }
}

/// <summary>2 (p - t) · scale, scale being 1 / B.</summary>
public readonly struct SquaredErrorGradientFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat p, TFloat t, TFloat scale)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Mul(TLane.Mul(TLane.Constant(2f), TLane.Sub(p, t)), scale);
}

/// <summary>max(z, 0) - z · t + log1p(exp(-|z|)): binary cross-entropy of a logit.</summary>
public readonly struct BinaryCrossEntropyFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat z, TFloat t)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat zero = TLane.Constant(0f);
        TFloat e = Exponential.Exp<TLane, TFloat, TInt>(TLane.Negate(TLane.Abs(z)));
        TFloat positive = TLane.Select(TLane.LessOrEqual(z, zero), zero, z);
        return TLane.Add(TLane.Fma(TLane.Negate(z), t, positive), Logarithm.Log1p<TLane, TFloat, TInt>(e));
    }
}

/// <summary>(sigmoid(z) - t) · scale, scale being 1 / B.</summary>
public readonly struct BinaryCrossEntropyGradientFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat z, TFloat t, TFloat scale)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Mul(TLane.Sub(Logistic.Sigmoid<TLane, TFloat, TInt>(z), t), scale);
}
