using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;

namespace RduEmu.Compiler.Lowering;

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

    /// <summary>True if a whole stage writes the rows of its output each by itself: what follows row by row can share its pipeline.</summary>
    public virtual bool WritesRowByRow => false;

    /// <summary>True if it may follow, row by row, in the pipeline of the whole stage whose rows it takes.</summary>
    public virtual bool JoinsRowChain => false;

    /// <summary>True if it goes to the last section that its readers allow: what it reads is kept anyway, what it writes need not be.</summary>
    public bool IsLate { get; init; }

    /// <summary>True if its pipeline has one tile: any of its rows may take any contribution.</summary>
    public virtual bool NeedsOneTile => false;

    /// <summary>Tiles of its rows are multiples of this many, where it is whole: what its register tiles take without a rest.</summary>
    public virtual int RowGranule => 12;

    /// <summary>The parameters that it overwrites in place.</summary>
    public virtual IEnumerable<ValueId> UpdatedParameters => [];

    /// <summary>What a weight needs before this stage can read it: parameters or constants, packed when they are loaded or stepped.</summary>
    public virtual IEnumerable<PackedInput> PackedInputs => [];

    /// <summary>Items of its pipeline: the samples; of a whole stage the rows of what it computes.</summary>
    public virtual int CountItems(Graph graph) =>
        IsWhole ? Sectioning.MatrixOf(graph[Output].Type).Rows : graph[Output].Type.Shape[0];

    /// <summary>The columns [begin, end) of an output, within an item's row, that it writes.</summary>
    public virtual (int Begin, int End) ColumnsWritten(Graph graph, ValueId output) => (0, Sectioning.MatrixOf(graph[output].Type).Columns);

    /// <summary>True if an item of this stage reads of the value the same item only.</summary>
    public virtual bool ReadsItemByItem(ValueId input) => true;

    /// <summary>Asks for what it needs in the arena besides values.</summary>
    public virtual void Request(StageRequests requests)
    {
    }

    /// <summary>Words of scratch that its units need for themselves on the host.</summary>
    public virtual long ScratchElements(Graph graph, int tileItems) => 0;

    /// <summary>The same stage, whose programs read in pairs what lies in pairs.</summary>
    public virtual Stage WithPairs(Func<ValueId, bool> isPaired) => this;

    /// <summary>The units that compute it, in order.</summary>
    public abstract IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context);
}

/// <summary>A weight and the form in which a stage reads it.</summary>
public readonly record struct PackedInput(ValueId Weight, WeightPacking Packing);

/// <summary>A stage whose result goes through a program before it is written: an elementwise node may join it.</summary>
public abstract record FusableStage(string Name, ValueId Output, FusedProgram Program) : Stage(Name, Output)
{
    public override bool ReadsItemByItem(ValueId input) => Program.ReadsItemByItem(input);

    public override Stage WithPairs(Func<ValueId, bool> isPaired) => this with { Program = Program.WithPairs(isPaired) };
}

/// <summary>A program with the graph values that its slots read.</summary>
public sealed record FusedProgram(ProgramTree Tree, EquatableArray<ValueId> Inputs, EquatableArray<int> Accesses)
{
    /// <summary>A template's result as it is.</summary>
    public static FusedProgram Identity { get; } = new(new ProgramTree.TemplateResult(), [], []);

    public SlotAccess AccessOf(int slot) => (SlotAccess)Accesses[slot];

    /// <summary>The same program, reading in pairs what lies in pairs.</summary>
    public FusedProgram WithPairs(Func<ValueId, bool> isPaired)
    {
        if (!Inputs.Where((input, slot) => AccessOf(slot) == SlotAccess.Full && isPaired(input)).Any())
        {
            return this;
        }

        int[] accesses = [.. Accesses.Select((access, slot) => access == (int)SlotAccess.Full && isPaired(Inputs[slot]) ? (int)SlotAccess.Paired : access)];
        return new FusedProgram(WithAccesses(Tree, accesses), Inputs, EquatableArray.Create<int>(accesses));
    }

    private static ProgramTree WithAccesses(ProgramTree tree, int[] accesses) => tree switch
    {
        ProgramTree.Input input => input with { Access = (SlotAccess)accesses[input.Slot] },
        ProgramTree.Call1 call => call with { X = WithAccesses(call.X, accesses) },
        ProgramTree.Call2 call => call with { X = WithAccesses(call.X, accesses), Y = WithAccesses(call.Y, accesses) },
        ProgramTree.Call3 call => call with { X = WithAccesses(call.X, accesses), Y = WithAccesses(call.Y, accesses), Z = WithAccesses(call.Z, accesses) },
        _ => tree,
    };

    /// <summary>True if no slot reads the value for all rows at once.</summary>
    public bool ReadsItemByItem(ValueId input)
    {
        for (int slot = 0; slot < Inputs.Count; slot++)
        {
            if (Inputs[slot] == input && AccessOf(slot) is SlotAccess.Uniform or SlotAccess.PerColumn)
            {
                return false;
            }
        }

        return true;
    }
}
