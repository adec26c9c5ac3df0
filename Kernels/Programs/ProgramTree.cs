namespace RduEmu.Kernels.Programs;

/// <summary>
/// A program before it is a type: the compiler grows it from graph nodes, then asks for the closed type. Value-equal, so that
/// equal chains share one compiled kernel.
/// </summary>
public abstract record ProgramTree
{
    /// <summary>What a PCU has in stages, and what the .NET JIT still inlines whole (at 12 it no longer does: 12 times slower).</summary>
    public const int MaximumDepthStages = 8;

    private static readonly Type[] SlotTypes = [typeof(S0), typeof(S1), typeof(S2), typeof(S3), typeof(S4), typeof(S5), typeof(S6), typeof(S7)];

    /// <summary>PCU stages on the longest path.</summary>
    public abstract int DepthStages { get; }

    /// <summary>Functions evaluated for each element.</summary>
    public abstract int FunctionCount { get; }

    /// <summary>The closed generic type that implements <see cref="IProgram"/>.</summary>
    public abstract Type ToProgramType();

    public sealed record Input(int Slot, SlotAccess Access) : ProgramTree
    {
        public override int DepthStages => 0;

        public override int FunctionCount => 0;

        public override Type ToProgramType()
        {
            Type open = Access switch
            {
                SlotAccess.Full => typeof(Full<>),
                SlotAccess.Paired => typeof(Paired<>),
                SlotAccess.PerColumn => typeof(PerColumn<>),
                SlotAccess.PerRow => typeof(PerRow<>),
                _ => typeof(Uniform<>),
            };
            return open.MakeGenericType(SlotTypes[Slot]);
        }
    }

    /// <summary>The value that the template computed: the leaf of an epilogue.</summary>
    public sealed record TemplateResult : ProgramTree
    {
        public override int DepthStages => 0;

        public override int FunctionCount => 0;

        public override Type ToProgramType() => typeof(Accumulated);
    }

    /// <param name="Function">A struct that implements <see cref="IUnaryFunction"/>.</param>
    public sealed record Call1(Type Function, ProgramTree X) : ProgramTree
    {
        public override int DepthStages => 1 + X.DepthStages;

        public override int FunctionCount => 1 + X.FunctionCount;

        public override Type ToProgramType() => typeof(Unary<,>).MakeGenericType(Function, X.ToProgramType());
    }

    /// <param name="Function">A struct that implements <see cref="IBinaryFunction"/>.</param>
    public sealed record Call2(Type Function, ProgramTree X, ProgramTree Y) : ProgramTree
    {
        public override int DepthStages => 1 + Math.Max(X.DepthStages, Y.DepthStages);

        public override int FunctionCount => 1 + X.FunctionCount + Y.FunctionCount;

        public override Type ToProgramType() =>
            typeof(Binary<,,>).MakeGenericType(Function, X.ToProgramType(), Y.ToProgramType());
    }

    /// <param name="Function">A struct that implements <see cref="ITernaryFunction"/>.</param>
    public sealed record Call3(Type Function, ProgramTree X, ProgramTree Y, ProgramTree Z) : ProgramTree
    {
        public override int DepthStages => 1 + Math.Max(X.DepthStages, Math.Max(Y.DepthStages, Z.DepthStages));

        public override int FunctionCount => 1 + X.FunctionCount + Y.FunctionCount + Z.FunctionCount;

        public override Type ToProgramType() =>
            typeof(Ternary<,,,>).MakeGenericType(Function, X.ToProgramType(), Y.ToProgramType(), Z.ToProgramType());
    }
}
