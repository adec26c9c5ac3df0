using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// An embedding bag over whole values: y[i, d] = sum over h of table[index[i, h], d], in ascending h from +0. Inputs: a table [R, D...] of
/// float32 and positions [I..., H], int32 or int64; output: [I..., D...]. Negative positions count from the end; one outside the table
/// adds nothing.
/// </summary>
public sealed record GatherSum : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(
            inputs[0].Element == ElementType.Float32 && inputs[0].Rank >= 2 && inputs[1].Element is ElementType.Int32 or ElementType.Int64
                && inputs[1].Rank >= 1 && inputs.Types.All(type => !type.HasSamples),
            "a whole table [R, D...] of float32 and positions [I..., H]");
        int[] shape = [.. inputs[1].Shape.Take(inputs[1].Rank - 1), .. inputs[0].Shape.Skip(1)];
        inputs.Require(shape.Length < BroadcastShape.MaximumRank, $"a rank below {BroadcastShape.MaximumRank}", $"{shape.Length}");
        return inputs[0] with { Shape = EquatableArray.Create<int>(shape) };
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output)
    {
        long fetched = checked(output.CountElements * inputs[1].LastExtent);
        return new OperatorProfile(TemplateKind.Gather, fetched)
        {
            Accesses = [OperandAccess.Indexed, OperandAccess.Rows],
            IndexedElements = fetched,
        };
    }

    public override void Lower(StageLowering lowering, Node node) =>
        lowering.Emit(new GatherSumStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1]));

    /// <summary>dtable: each dy added to the rows that it was summed from, in ascending order of (i, h).</summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        TensorType table = scope.Builder[node.Inputs[0]];
        TensorType indices = scope.Builder[node.Inputs[1]];
        int[] shape = [.. indices.Shape, .. table.Shape.Skip(1)];
        ValueId spread = scope.Builder.Apply(new Repeat(EquatableArray.Create<int>(shape), [indices.Rank - 1]), gradient);
        IndexMap map = new Gather(Axis: 0).Map(table, indices);
        scope.Add(node.Inputs[0], scope.Builder.Apply(new SumAtPositions(table, map), node.Inputs[1], spread));
    }
}
