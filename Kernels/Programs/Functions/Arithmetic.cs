using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>x + y, rounded once.</summary>
public readonly struct AddFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Add(x, y);
}

/// <summary>x - y, rounded once.</summary>
public readonly struct SubFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Sub(x, y);
}

/// <summary>x · y, rounded once.</summary>
public readonly struct MulFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Mul(x, y);
}

/// <summary>x / y, rounded once.</summary>
public readonly struct DivFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x, TFloat y)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Div(x, y);
}

/// <summary>x where x &gt; 0 or x is NaN, else +0.</summary>
public readonly struct ReluFunction : IUnaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat x)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Select(TLane.LessOrEqual(x, TLane.Constant(0f)), TLane.Constant(0f), x);
}

/// <summary>The gradient of ReLU by its output: dy where y &gt; 0, else +0.</summary>
public readonly struct ReluGradientFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat y, TFloat dy)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged =>
        TLane.Select(TLane.Less(TLane.Constant(0f), y), dy, TLane.Constant(0f));
}
