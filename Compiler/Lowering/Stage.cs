using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs;

namespace RduEmu.Compiler.Lowering;

/// <summary>A program with the graph values that its slots read.</summary>
public sealed record FusedProgram(ProgramTree Tree, EquatableArray<ValueId> Inputs, EquatableArray<int> Accesses)
{
    /// <summary>A template's result as it is.</summary>
    public static FusedProgram Identity { get; } = new(new ProgramTree.TemplateResult(), [], []);

    public SlotAccess AccessOf(int slot) => (SlotAccess)Accesses[slot];
}

/// <summary>
/// One template applied to graph values: what a unit will be once its operands have addresses. A stage computes one value from
/// others; several nodes may have been fused into it.
/// </summary>
/// <param name="Name">For people: the nodes it computes.</param>
/// <param name="Output">The value it writes.</param>
public abstract record Stage(string Name, ValueId Output)
{
    /// <summary>Every value it reads.</summary>
    public abstract IEnumerable<ValueId> Inputs { get; }

    /// <summary>Every value it writes; <see cref="Output"/> is the first.</summary>
    public virtual IEnumerable<ValueId> Outputs => [Output];

    /// <summary>True if it sees all samples at once (a sum over samples, an update), false if each sample by itself.</summary>
    public virtual bool IsWhole => false;

    /// <summary>output = program, element by element.</summary>
    /// <param name="Whole">True if the value has no samples.</param>
    public sealed record Map(string Name, ValueId Output, FusedProgram Program, bool Whole = false) : Stage(Name, Output)
    {
        public override IEnumerable<ValueId> Inputs => Program.Inputs;

        public override bool IsWhole => Whole;
    }

    /// <summary>output = epilogue(x · weightᵀ), or x · weight if transposed.</summary>
    public sealed record Contract(string Name, ValueId Output, ValueId X, ValueId Weight, bool Transposed, FusedProgram Epilogue) : Stage(Name, Output)
    {
        public override IEnumerable<ValueId> Inputs => [X, Weight, .. Epilogue.Inputs];
    }

    public sealed record SampleProduct(string Name, ValueId Output, ValueId A, ValueId B, Operators.SampleMatMul Operator) : Stage(Name, Output)
    {
        public override IEnumerable<ValueId> Inputs => [A, B];
    }

    public sealed record ColumnMap(string Name, ValueId Output, ValueId X, EquatableArray<int> Columns) : Stage(Name, Output)
    {
        public override IEnumerable<ValueId> Inputs => [X];
    }

    /// <summary>Copies a value into its place in a concatenation.</summary>
    public sealed record Copy(string Name, ValueId Output, ValueId X, int FirstColumn) : Stage(Name, Output)
    {
        public override IEnumerable<ValueId> Inputs => [X];
    }

    public sealed record Gather(string Name, ValueId Output, ValueId Indices, ValueId Table, ValueId? Weights = null) : Stage(Name, Output)
    {
        public override IEnumerable<ValueId> Inputs => Weights is { } weights ? [Indices, Table, weights] : [Indices, Table];
    }

    /// <summary>The gradient of a weight.</summary>
    public sealed record SampleContract(string Name, ValueId Output, ValueId OutputGradient, ValueId X) : Stage(Name, Output)
    {
        public override IEnumerable<ValueId> Inputs => [OutputGradient, X];

        public override bool IsWhole => true;
    }

    public sealed record SampleSum(string Name, ValueId Output, ValueId X) : Stage(Name, Output)
    {
        public override IEnumerable<ValueId> Inputs => [X];

        public override bool IsWhole => true;
    }

    /// <summary>
    /// A table's sparse step: rows that an index names take update(row, summed gradient), their state, if there is one, before
    /// them; all others keep their bits.
    /// </summary>
    public sealed record ScatterUpdate(
        string Name, ValueId Output, ValueId Indices, ValueId Gradient, ValueId Table, ValueId Rate, SparseState? State = null,
        ValueId? Weights = null) : Stage(Name, Output)
    {
        public override IEnumerable<ValueId> Inputs
        {
            get
            {
                List<ValueId> inputs = [Indices, Gradient, Table, Rate];
                if (State is { } state)
                {
                    inputs.Add(state.Parameter);
                }

                if (Weights is { } weights)
                {
                    inputs.Add(weights);
                }

                return inputs;
            }
        }

        public override IEnumerable<ValueId> Outputs => State is null ? [Output] : [Output, State.Output];

        public override bool IsWhole => true;
    }

    /// <summary>A table's gradient made dense: zero in rows that no index names.</summary>
    public sealed record ScatterSum(string Name, ValueId Output, ValueId Indices, ValueId Gradient, ValueId? Weights = null) : Stage(Name, Output)
    {
        public override IEnumerable<ValueId> Inputs => Weights is { } weights ? [Indices, Gradient, weights] : [Indices, Gradient];

        public override bool IsWhole => true;
    }

    /// <summary>output[r] = program, whose template result is the mean of x[r, :]².</summary>
    public sealed record RowMeanSquare(string Name, ValueId Output, ValueId X, FusedProgram Program) : Stage(Name, Output)
    {
        public override IEnumerable<ValueId> Inputs => [X, .. Program.Inputs];

        public override bool IsWhole => true;
    }

    /// <summary>A dense step, in place.</summary>
    public sealed record ParameterStep(string Name, ValueId Output, ValueId Parameter, FusedProgram Program) : Stage(Name, Output)
    {
        public override IEnumerable<ValueId> Inputs => Program.Inputs;

        public override bool IsWhole => true;
    }
}
