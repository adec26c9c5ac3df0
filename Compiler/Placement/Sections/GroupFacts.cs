using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Placement.Sections;

/// <summary>What a planner needs to know of a stage group, gathered once: all counts are for the whole batch.</summary>
internal sealed class GroupFacts
{
    public GroupFacts(MachineGraph graph, StageGroup group)
    {
        Group = group;
        MachineOperator first = graph.Operators[group.Operators[0]];
        MachineOperator last = graph.Operators[group.Last];
        Name = string.Join('+', group.Operators.Select((index, i) => i == 0 ? graph.Operators[index].Name : graph.Operators[index].Operator))
            + (group.Parts > 1 ? $"#{group.Part + 1}/{group.Parts}" : string.Empty);
        Phase = last.Phase;
        Work = first.Work;
        ProgramStages = group.Operators.Sum(index => graph.Operators[index].Work.ProgramStages);
        Operations = group.Operators.Sum(index => graph.Operators[index].Work.Operations) / group.Parts;
        Outputs = [.. last.Outputs];
        OutputBytes = Share(last.Work.OutputBytes);
        Gemm = first.Work.Gemm is { } gemm ? SharedGemm(gemm, first.Work.AccumulatesSamples) : null;
        Elements = Share(first.Work.Elements);

        var inside = new HashSet<int>(group.Operators.SelectMany(index => graph.Operators[index].Outputs));
        var inputs = new SortedDictionary<int, MachineInput>();
        foreach (MachineInput input in group.Operators.SelectMany(index => graph.Operators[index].Inputs))
        {
            if (!inside.Contains(input.Tensor))
            {
                inputs[input.Tensor] = inputs.TryGetValue(input.Tensor, out MachineInput known) && known.Access > input.Access ? known : input;
            }
        }

        Inputs = [.. inputs.Values.Select(input => input.Access == OperandAccess.Whole ? input with { Bytes = Share(input.Bytes) } : input)];
    }

    public StageGroup Group { get; }

    public string Name { get; }

    public Phase Phase { get; }

    /// <summary>The template's work.</summary>
    public MachineWork Work { get; }

    /// <summary>PCU stages of the template's program and of what follows it.</summary>
    public int ProgramStages { get; }

    public long Operations { get; }

    public GemmShape? Gemm { get; }

    public long Elements { get; }

    /// <summary>In ascending order of tensors; none that a member computes.</summary>
    public IReadOnlyList<MachineInput> Inputs { get; }

    public IReadOnlyList<int> Outputs { get; }

    public long OutputBytes { get; }

    /// <summary>Sums over the samples in binary32; what a sample's rows are summed into; what a layout stage turns around.</summary>
    public long AccumulatorBytes(long samples, long iterations, long elementBytes) =>
        Work.Template == TemplateKind.Layout ? Math.Max(1, PlannerModel.CeilDiv(OutputBytes, iterations))
        : Work.AccumulatesSamples ? sizeof(float) * PlannerModel.CeilDiv(OutputBytes, elementBytes)
        : Work.AccumulatesRows ? sizeof(float) * PlannerModel.CeilDiv(PlannerModel.CeilDiv(OutputBytes, samples), elementBytes)
        : 0;

    private long Share(long all) => (all + Group.Parts - 1) / Group.Parts;

    /// <summary>Parts of a product divide its columns; of a weight gradient its rows, whose sums they keep.</summary>
    private GemmShape SharedGemm(GemmShape gemm, bool divideRows) => divideRows ? gemm with { M = Share(gemm.M) } : gemm with { N = Share(gemm.N) };
}
