using RduEmu.Kernels.Programs;

namespace RduEmu.Compiler.Operators;

/// <summary>An operator that computes every element by itself: it becomes stages of a program, alone or fused with others.</summary>
public abstract record ElementwiseOperator : Operator
{
    /// <summary>The struct that implements it: an <see cref="IUnaryFunction"/>, <see cref="IBinaryFunction"/> or <see cref="ITernaryFunction"/>.</summary>
    public abstract Type Function { get; }

    /// <summary>How it reads each of its inputs.</summary>
    public virtual SlotAccess Access(int input) => SlotAccess.Full;
}
