using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Programs.Functions;

/// <summary>w - rate · g, as one FMA: the SGD step.</summary>
public readonly struct SgdFunction : ITernaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat w, TFloat g, TFloat rate)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Fma(TLane.Negate(rate), g, w);
}

/// <summary>s + g², as one FMA: Adagrad's state (Duchi et al., JMLR 12, 2011).</summary>
public readonly struct AdagradStateFunction : IBinaryFunction
{
    public static TFloat Apply<TLane, TFloat, TInt>(TFloat s, TFloat g)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Fma(g, g, s);
}

/// <summary>g / (sqrt(s) + 1e-10): the direction of an Adagrad step.</summary>
public readonly struct AdagradDirectionFunction : IBinaryFunction
{
    /// <summary>PyTorch's torch.optim.Adagrad has the same default.</summary>
    private const float Epsilon = 1e-10f;

    public static TFloat Apply<TLane, TFloat, TInt>(TFloat s, TFloat g)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged => TLane.Div(g, TLane.Add(TLane.Sqrt(s), TLane.Constant(Epsilon)));
}
