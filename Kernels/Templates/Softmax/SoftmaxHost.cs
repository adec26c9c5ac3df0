using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.Softmax;

/// <summary>The passes over a row that softmax and cross-entropy are made of, sixteen lanes at once.</summary>
internal static unsafe class SoftmaxHost
{
    /// <summary>z[c] = fma(x[c], scale, mask[c]), or x[c] · scale without a mask; returns the largest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Logits(float* x, float* mask, float scale, float* z, nint columns)
    {
        nint whole = columns - columns % RowOrder.Lanes;
        Vector512<float> most = Vector512.Create(RowMax.Identity), wideScale = Vector512.Create(scale);
        for (nint c = 0; c < whole; c += RowOrder.Lanes)
        {
            Vector512<float> from = Vector512.Load(x + c);
            Vector512<float> logit = mask is null ? from * wideScale : Vector512.FusedMultiplyAdd(from, wideScale, Vector512.Load(mask + c));
            logit.Store(z + c);
            most = RowMax.Accumulate<WideLane, Vector512<float>, Vector512<int>>(most, logit);
        }

        float* lanes = stackalloc float[RowOrder.Lanes];
        most.Store(lanes);
        for (nint c = whole; c < columns; c++)
        {
            z[c] = mask is null ? x[c] * scale : MathF.FusedMultiplyAdd(x[c], scale, mask[c]);
            lanes[c - whole] = RowMax.Accumulate<ScalarLane, float, int>(lanes[c - whole], z[c]);
        }

        return RowOrder.Tree<RowMax>(new Span<float>(lanes, RowOrder.Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Largest(float* x, nint columns)
    {
        nint whole = columns - columns % RowOrder.Lanes;
        Vector512<float> most = Vector512.Create(RowMax.Identity);
        for (nint c = 0; c < whole; c += RowOrder.Lanes)
        {
            most = RowMax.Accumulate<WideLane, Vector512<float>, Vector512<int>>(most, Vector512.Load(x + c));
        }

        float* lanes = stackalloc float[RowOrder.Lanes];
        most.Store(lanes);
        for (nint c = whole; c < columns; c++)
        {
            lanes[c - whole] = RowMax.Accumulate<ScalarLane, float, int>(lanes[c - whole], x[c]);
        }

        return RowOrder.Tree<RowMax>(new Span<float>(lanes, RowOrder.Lanes));
    }

    /// <summary>target[c] = exp(z[c] - largest), unless target is null; returns the sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Powers(float* z, float largest, float* target, nint columns)
    {
        nint whole = columns - columns % RowOrder.Lanes;
        Vector512<float> sum = Vector512<float>.Zero, wideLargest = Vector512.Create(largest);
        for (nint c = 0; c < whole; c += RowOrder.Lanes)
        {
            Vector512<float> power = HalfLane.IsPreferred
                ? Vector512.Create(Half(z + c, largest), Half(z + c + HalfLane.WidthElements, largest))
                : Exponential.Exp<WideLane, Vector512<float>, Vector512<int>>(Vector512.Load(z + c) - wideLargest);
            sum += power;
            if (target is not null)
            {
                power.Store(target + c);
            }
        }

        float* lanes = stackalloc float[RowOrder.Lanes];
        sum.Store(lanes);
        for (nint c = whole; c < columns; c++)
        {
            float power = SoftmaxUnit.Power(z[c], largest);
            lanes[c - whole] += power;
            if (target is not null)
            {
                target[c] = power;
            }
        }

        return RowOrder.Tree(new Span<float>(lanes, RowOrder.Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Half(float* z, float largest) =>
        Exponential.Exp<HalfLane, Vector256<float>, Vector256<int>>(Vector256.Load(z) - Vector256.Create(largest));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Divide(float* y, float sum, nint columns)
    {
        nint c = 0;
        Vector512<float> wide = Vector512.Create(sum);
        for (; c + RowOrder.Lanes <= columns; c += RowOrder.Lanes)
        {
            (Vector512.Load(y + c) / wide).Store(y + c);
        }

        for (; c < columns; c++)
        {
            y[c] /= sum;
        }
    }

    /// <summary>y[c] = weight · (y[c] / sum).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DivideAndWeigh(float* y, float sum, float weight, nint columns)
    {
        nint c = 0;
        Vector512<float> wide = Vector512.Create(sum), wideWeight = Vector512.Create(weight);
        for (; c + RowOrder.Lanes <= columns; c += RowOrder.Lanes)
        {
            (wideWeight * (Vector512.Load(y + c) / wide)).Store(y + c);
        }

        for (; c < columns; c++)
        {
            y[c] = weight * (y[c] / sum);
        }
    }
}
