using System.Runtime.CompilerServices;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.Random;

/// <summary>What is drawn: a function of an element's random words and two parameters, written once for all lanes.</summary>
public interface IRandomDistribution
{
    static abstract TFloat Draw<TLane, TFloat, TInt>(TInt first, TInt second, TFloat a, TFloat b)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged;
}

/// <summary>u · b + a with one rounding, u uniform in [0, 1) in steps of 2^-24: uniform in [a, a + b), up to that rounding.</summary>
public readonly struct UniformDistribution : IRandomDistribution
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Draw<TLane, TFloat, TInt>(TInt first, TInt second, TFloat a, TFloat b)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Fma(Philox.Uniform<TLane, TFloat, TInt>(first), b, a);
}

/// <summary>n · b + a with one rounding, n of the standard normal distribution (<see cref="RandomElement"/>): mean a, standard deviation b.</summary>
public readonly struct NormalDistribution : IRandomDistribution
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Draw<TLane, TFloat, TInt>(TInt first, TInt second, TFloat a, TFloat b)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Fma(RandomElement.Normal<TLane, TFloat, TInt>(first, second), b, a);
}

/// <summary>
/// b where u &lt; a, else +0, u uniform in [0, 1) in steps of 2^-24: a mask that keeps with probability a (to 2^-24, rounded up). With
/// b = 1 / a it is a dropout's.
/// </summary>
public readonly struct BernoulliDistribution : IRandomDistribution
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Draw<TLane, TFloat, TInt>(TInt first, TInt second, TFloat a, TFloat b)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Select(TLane.Less(Philox.Uniform<TLane, TFloat, TInt>(first), a), b, TLane.Constant(0f));
}
