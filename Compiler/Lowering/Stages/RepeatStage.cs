using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output = x repeated along axes of extent 1 and along axes that it has not.</summary>
/// <param name="Added">Axes of the output that x has not.</param>
public sealed record RepeatStage(string Name, ValueId Output, ValueId X, EquatableArray<int> Added, bool Whole) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override bool IsWhole => Whole;

    public override int CountItems(Graph graph) => NdOperands.CountItems(graph[Output].Type);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        TensorType type = context.TypeOf(Output);
        TensorType input = context.TypeOf(X);
        int[] own = NdOperands.Strides(context, X);
        var strides = new int[type.Rank];
        for (int axis = 0, at = 0; axis < type.Rank; axis++)
        {
            if (!Added.Contains(axis))
            {
                strides[axis] = input.Shape[at] == 1 ? 0 : own[at];
                at++;
            }
        }

        NdOperand x = NdOperands.Of(context, X, strides, NdOperands.HasItemAxis(type));
        return
        [
            new WordMapUnit<CopyWord>(
                Name, NdOperands.ItemExtents(type), NdOperands.Broadcast(context, Output, type), type.Element.Code(), [x], [type.Element.Code()]),
        ];
    }
}
