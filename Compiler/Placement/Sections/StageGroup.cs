using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Placement.Sections;

/// <summary>Operators that become one stage: a template, and elementwise programs that pass its results on without a buffer between.</summary>
/// <param name="Operators">In order; the first gives the template.</param>
/// <param name="Part">Which part of an operator that does not fit at once; parts divide the columns of its output.</param>
/// <param name="Parts">1 if it is whole.</param>
internal sealed record StageGroup(EquatableArray<int> Operators, int Part = 0, int Parts = 1)
{
    /// <summary>The last operator: its outputs are the stage's.</summary>
    public int Last => Operators[Operators.Count - 1];
}

/// <summary>
/// Operators to stages. An elementwise operator joins the stage of an input that nothing else reads, as long as the program behind the
/// template keeps to what one PCU has in stages.
/// </summary>
/// <example>Linear, AddBias, Gelu --> one systolic stage whose tail adds and applies the function.</example>
internal sealed class StageGrouping
{
    private readonly MachineGraph _graph;
    private readonly int _pipelineStages;
    private readonly int[] _readers;
    private readonly bool[] _isReturned;

    private StageGrouping(MachineGraph graph, int pipelineStages)
    {
        _graph = graph;
        _pipelineStages = pipelineStages;
        _readers = new int[graph.Tensors.Count];
        _isReturned = new bool[graph.Tensors.Count];
        foreach (MachineOperator op in graph.Operators)
        {
            foreach (MachineInput input in op.Inputs)
            {
                _readers[input.Tensor]++;
            }
        }

        foreach (int output in graph.Outputs)
        {
            _isReturned[output] = true;
        }
    }

    /// <summary>Each operator alone; a product has its bias, as in the frameworks that models are traced from.</summary>
    public static IReadOnlyList<StageGroup> Alone(MachineGraph graph, int pipelineStages) =>
        Fuse(graph, pipelineStages, (first, second) => graph.Operators[first].Work.Template == TemplateKind.Systolic && graph.Operators[second].Operator == nameof(AddBias));

    /// <summary>Stages of all operators, in an order in which they can run.</summary>
    /// <param name="graph">The work.</param>
    /// <param name="pipelineStages">Stages of a PCU.</param>
    /// <param name="mayJoin">Whether an operator may be in one stage with an earlier one.</param>
    public static IReadOnlyList<StageGroup> Fuse(MachineGraph graph, int pipelineStages, Func<int, int, bool> mayJoin)
    {
        var grouping = new StageGrouping(graph, pipelineStages);
        var members = new List<List<int>>();
        var groupOf = new Dictionary<int, List<int>>();
        foreach (MachineOperator op in graph.Operators)
        {
            List<int>? host = grouping.HostOf(op, groupOf, mayJoin);
            if (host is null)
            {
                members.Add(host = []);
            }

            host.Add(op.Index);
            foreach (int output in op.Outputs)
            {
                groupOf[output] = host;
            }
        }

        // By their last operator: what a stage's tail reads may be computed after its template began.
        return [.. members.OrderBy(group => group[^1]).Select(group => new StageGroup(EquatableArray.Create<int>([.. group])))];
    }

    private List<int>? HostOf(MachineOperator op, Dictionary<int, List<int>> groupOf, Func<int, int, bool> mayJoin)
    {
        if (op.Work.Template != TemplateKind.Simd)
        {
            return null;
        }

        foreach (MachineInput input in op.Inputs)
        {
            if (input.Access != OperandAccess.Rows || _readers[input.Tensor] != 1 || _isReturned[input.Tensor] || !groupOf.TryGetValue(input.Tensor, out List<int>? host))
            {
                continue;
            }

            MachineOperator first = _graph.Operators[host[0]];
            MachineOperator last = _graph.Operators[host[^1]];
            bool isTail = first.Work.Template is TemplateKind.Systolic or TemplateKind.Simd or TemplateKind.Gather
                || first.Work.Template == TemplateKind.Reduce && last.Work.OutputBytes == op.Work.OutputBytes;
            int stages = host.Sum(index => StagesOf(index)) + op.Work.ProgramStages;
            if (isTail && stages <= _pipelineStages && last.Phase == op.Phase && !last.Work.AccumulatesSamples && last.Outputs.Contains(input.Tensor)
                && last.Work.IndexedRowBytes == 0 && mayJoin(host[0], op.Index))
            {
                return host;
            }
        }

        return null;
    }

    private int StagesOf(int index) =>
        _graph.Operators[index].Work.Template == TemplateKind.Simd ? _graph.Operators[index].Work.ProgramStages : 0;
}
