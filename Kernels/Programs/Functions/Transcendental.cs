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
