using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>1 - (2 i + 1) / ((p + t) + 1): the Dice loss of sums i of products, p of predictions and t of targets, smoothed by 1.</summary>
public readonly struct DiceLossFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat i, TFloat p, TFloat t)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat one = TLane.Constant(1f);
        return TLane.Sub(one, TLane.Div(TLane.Fma(TLane.Constant(2f), i, one), TLane.Add(TLane.Add(p, t), one)));
    }
}

/// <summary>-2 / ((p + t) + 1): the gradient of the Dice loss by the sum of products.</summary>
public readonly struct DiceSlopeFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat p, TFloat t)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Div(TLane.Constant(-2f), TLane.Add(TLane.Add(p, t), TLane.Constant(1f)));
}

/// <summary>((2 i + 1) / s) / s with s = (p + t) + 1: the gradient of the Dice loss by the sum of predictions.</summary>
public readonly struct DiceOffsetFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat i, TFloat p, TFloat t)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat one = TLane.Constant(1f);
        TFloat sum = TLane.Add(TLane.Add(p, t), one);
        return TLane.Div(TLane.Div(TLane.Fma(TLane.Constant(2f), i, one), sum), sum);
    }
}

/// <summary>
/// (1 - s)² · l of a logit z and a target t that is 0 or 1: the focal loss of Lin et al. (ICCV 2017) with gamma 2. l is the binary
/// cross-entropy, s = sigmoid(z) where t is 1 and sigmoid(-z) where it is 0.
/// </summary>
public readonly struct FocalLossFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat z, TFloat t)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat rest = Rest<TLane, TFloat, TInt>(z, t);
        return TLane.Mul(TLane.Mul(rest, rest), BinaryCrossEntropyFunction.Apply<TLane, TFloat, TInt>(z, t));
    }

    /// <summary>1 - s = sigmoid(-z) where t is 1, else sigmoid(z).</summary>
    internal static TFloat Rest<TLane, TFloat, TInt>(TFloat z, TFloat t)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        Logistic.Sigmoid<TLane, TFloat, TInt>(TLane.Select(TLane.Less(TLane.Constant(0.5f), t), TLane.Negate(z), z));
}

/// <summary>
/// The gradient of the focal loss by the logit, times a scale: with r = 1 - s and the sign + where t is 0:
/// ± ((2 · s · r · r) · l + (r · r) · r) · scale.
/// </summary>
public readonly struct FocalLossGradientFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat z, TFloat t, TFloat scale)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
    {
        TFloat rest = FocalLossFunction.Rest<TLane, TFloat, TInt>(z, t);
        TFloat square = TLane.Mul(rest, rest);
        TFloat loss = BinaryCrossEntropyFunction.Apply<TLane, TFloat, TInt>(z, t);
        TFloat twice = TLane.Mul(TLane.Constant(2f), TLane.Sub(TLane.Constant(1f), rest));
        TFloat slope = TLane.Mul(TLane.Fma(TLane.Mul(twice, square), loss, TLane.Mul(square, rest)), scale);
        return TLane.Select(TLane.Less(TLane.Constant(0.5f), t), TLane.Negate(slope), slope);
    }
}
