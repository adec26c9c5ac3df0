using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// y[b, ..., c] = map[c] &gt;= 0 ? x[b, ..., map[c]] : +0. Slices, triangles and paddings of a sample's row are all this; no column of x
/// is taken twice, so the gradient is a map too.
/// </summary>
/// <param name="Map">For each column of y the column of x, or -1.</param>
public sealed record ColumnMap(EquatableArray<int> Map) : Operator
{
    public static ColumnMap Slice(int begin, int count) => new(EquatableArray.Create<int>([.. Enumerable.Range(begin, count)]));

    /// <summary>The strictly lower triangle of a square matrix, row by row: (1,0), (2,0), (2,1), (3,0) ...</summary>
    public static ColumnMap LowerTriangle(int extent)
    {
        var map = new List<int>(extent * (extent - 1) / 2);
        for (int i = 0; i < extent; i++)
        {
            for (int j = 0; j < i; j++)
            {
                map.Add(i * extent + j);
            }
        }

        return new ColumnMap(EquatableArray.Create<int>([.. map]));
    }

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(1);
        inputs.Require(inputs[0].Rank >= 2 && inputs[0].HasSamples, "samples [B, ..., N]");
        var taken = new HashSet<int>();
        foreach (int column in Map)
        {
            inputs.Require(column >= -1 && column < inputs[0].LastExtent, $"columns below {inputs[0].LastExtent}", $"{column}");
            inputs.Require(column < 0 || taken.Add(column), "each column at most once", $"{column} twice");
        }

        return inputs[0].WithLastExtent(Map.Count);
    }

    /// <summary>A slice of a sample's only row is a place in it; anything else is moved.</summary>
    public override void Lower(StageLowering lowering, Node node)
    {
        if (!IsSlice(out int first))
        {
            lowering.Emit(new ColumnMapStage(node.Name, node.Output, node.Inputs[0], Map));
        }
        else if (lowering.Graph[node.Output].Type.Rank == 2)
        {
            lowering.Places.SliceOf(node.Output, node.Inputs[0], first);
        }
        else
        {
            lowering.Emit(new SliceStage(node.Name, node.Output, node.Inputs[0], first));
        }
    }

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        var inverse = new int[scope.Builder[node.Inputs[0]].LastExtent];
        Array.Fill(inverse, -1);
        for (int column = 0; column < Map.Count; column++)
        {
            if (Map[column] >= 0)
            {
                inverse[Map[column]] = column;
            }
        }

        scope.Add(node.Inputs[0], scope.Builder.Apply(new ColumnMap(EquatableArray.Create<int>(inverse)), gradient));
    }

    private bool IsSlice(out int first)
    {
        first = Map.Count > 0 ? Map[0] : 0;
        for (int i = 0; i < Map.Count; i++)
        {
            if (Map[i] != first + i || Map[i] < 0)
            {
                return false;
            }
        }

        return true;
    }

    public override string ToString() => $"{Name}[{Map.Count} columns]";

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => Slices.ByRow(this, inputs, output, region);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);
}
