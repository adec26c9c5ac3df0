using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Lowering;

/// <summary>
/// The legal form of stages, as a check. What a stage reads was given (input, parameter, constant) or written by an earlier one,
/// column by column; a parameter is not read as it was once it has been overwritten; a contraction's weight is a parameter or
/// constant, because only these are packed. What a stage writes is computed or an updated parameter, and no column of it twice.
/// Every computed output and every update of the graph is written.
/// </summary>
public static class StageSpec
{
    /// <param name="places">Which values lie in others.</param>
    /// <exception cref="RduException">RDU0401, naming the first rule that is broken and where: a fault of the compiler.</exception>
    public static void Check(Graph graph, IReadOnlyList<Stage> stages, PlaceMap places)
    {
        var written = new WrittenColumns(graph, places);
        Dictionary<ValueId, ValueId> updates = graph.Updates.ToDictionary(update => update.Parameter, update => update.Value);
        var taken = new HashSet<ValueId>();
        foreach (Stage stage in stages)
        {
            foreach (ValueId input in stage.Inputs)
            {
                written.RequireReadable(input, stage);
            }

            foreach (PackedInput packed in stage.PackedInputs)
            {
                Require(
                    graph[packed.Weight].Role is ValueRole.Parameter or ValueRole.Constant, stage.Name, "a weight that is packed: a parameter or a constant", graph[packed.Weight].Name);
            }

            foreach (ValueId output in stage.Outputs)
            {
                ValueId root = places.Resolve(output).Root;
                ValueRole role = graph[root].Role;
                Require(role is ValueRole.Computed or ValueRole.Parameter, stage.Name, "an output that is computed or updated", $"{role} {graph[root].Name}");
                if (role == ValueRole.Parameter)
                {
                    bool takesItsValue = updates.TryGetValue(root, out ValueId value)
                        && (output == value || output == root && stage is (ParameterStage or RoundStage) && stage.Inputs.SequenceEqual([value]));
                    Require(takesItsValue, stage.Name, $"the update of {graph[root].Name}", $"{graph[output].Name} in its place");
                    taken.Add(root);
                }

                written.Write(output, stage);
            }
        }

        foreach (ValueId output in graph.Outputs.Where(output => graph[output].Role == ValueRole.Computed))
        {
            Require(written.Covers(output), "the end of the step", $"the output {graph[output].Name}", "not written");
        }

        foreach (Update update in graph.Updates)
        {
            Require(taken.Contains(update.Parameter), "the end of the step", $"the update of {graph[update.Parameter].Name}", "not written");
        }
    }

    internal static void Require(bool holds, string where, string expected, string got)
    {
        if (!holds)
        {
            throw new RduException(ErrorCatalogue.GraphIllegal, where, expected, got, "report this as a fault of the compiler");
        }
    }
}

/// <summary>Which columns of which storage stages have written so far.</summary>
internal sealed class WrittenColumns(Graph graph, PlaceMap places)
{
    private readonly Dictionary<ValueId, List<(int Begin, int End, Stage By)>> _written = [];

    /// <summary>The columns [begin, end) of its root that a value has.</summary>
    public static (ValueId Root, int Begin, int End) ColumnsOf(Graph graph, PlaceMap places, ValueId value)
    {
        (ValueId root, int first) = places.Resolve(value);
        ValueId rows = places.IsReshaped(value) ? root : value;
        return (root, first, checked(first + Sectioning.MatrixOf(graph[rows].Type).Columns));
    }

    /// <summary>The columns of its output that a stage writes.</summary>
    public static (ValueId Root, int Begin, int End) ColumnsOf(Graph graph, PlaceMap places, ValueId output, Stage stage)
    {
        (ValueId root, int first) = places.Resolve(output);
        (int begin, int end) = stage.ColumnsWritten(graph, output);
        return (root, checked(first + begin), checked(first + end));
    }

    public void Write(ValueId output, Stage stage)
    {
        (ValueId root, int begin, int end) = ColumnsOf(graph, places, output, stage);
        if (!_written.TryGetValue(root, out List<(int Begin, int End, Stage By)>? pieces))
        {
            _written.Add(root, pieces = []);
        }

        foreach ((int otherBegin, int otherEnd, Stage by) in pieces)
        {
            StageSpec.Require(begin >= otherEnd || otherBegin >= end, stage.Name, $"columns of {graph[root].Name} written once", $"{by.Name} writes them too");
        }

        pieces.Add((begin, end, stage));
    }

    public void RequireReadable(ValueId input, Stage stage)
    {
        ValueRole role = graph[input].Role;
        if (role == ValueRole.Computed)
        {
            StageSpec.Require(Covers(input), stage.Name, $"{graph[input].Name} written by an earlier stage", "not written, or in part");
        }
        else if (role == ValueRole.Parameter)
        {
            StageSpec.Require(!_written.ContainsKey(places.Resolve(input).Root), stage.Name, $"{graph[input].Name} as it was", "overwritten by its update");
        }
    }

    /// <summary>True if all columns of the value have been written, or are a part of what was given.</summary>
    public bool Covers(ValueId value)
    {
        (ValueId root, int begin, int end) = ColumnsOf(graph, places, value);
        bool isAsItWas = graph[root].Role == ValueRole.Parameter && !_written.ContainsKey(root);
        if (graph[root].Role is ValueRole.Input or ValueRole.Constant || isAsItWas)
        {
            return true;
        }

        foreach ((int pieceBegin, int pieceEnd, _) in _written.GetValueOrDefault(root, []).OrderBy(piece => piece.Begin))
        {
            if (pieceBegin <= begin)
            {
                begin = Math.Max(begin, pieceEnd);
            }
        }

        return begin >= end && _written.ContainsKey(root);
    }
}
