using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Window;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>output = the largest of each window of X.</summary>
public sealed record MaxPoolStage(string Name, ValueId Output, ValueId X, WindowGeometry Geometry) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
        [new MaxPoolUnit(Name, Geometry, context.Rows(X), context.Rows(Output))];
}

/// <summary>output = what flows back to X from the windows that it won.</summary>
public sealed record MaxPoolGradientStage(string Name, ValueId Output, ValueId ResultGradient, ValueId X, WindowGeometry Geometry) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [ResultGradient, X];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
        [new MaxPoolGradientUnit(Name, Geometry, context.Rows(ResultGradient), context.Rows(X), context.Rows(Output))];
}

/// <summary>output = X resampled, or transposed the gradient of that.</summary>
/// <param name="Height">Rows of what is resampled.</param>
/// <param name="Width">Its columns.</param>
public sealed record ResampleStage(string Name, ValueId Output, ValueId X, Resample Operator, int Height, int Width, bool Transposed) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X];

    public override void Request(StageRequests requests)
    {
        requests.Table(Words(AxisOf(Height)));
        requests.Table(Words(AxisOf(Width)));
    }

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        ResampleAxis rows = AxisOf(Height);
        ResampleAxis columns = AxisOf(Width);
        return
        [
            new ResampleUnit(
                Name, rows, columns, context.Columns(X), context.Rows(X), context.Rows(Output), context.Table(Words(rows)), context.Table(Words(columns))),
        ];
    }

    private static EquatableArray<int> Words(ResampleAxis axis) => EquatableArray.Create<int>(axis.ToWords());

    private ResampleAxis AxisOf(int extent) => Transposed ? Operator.AxisOf(extent).Transpose() : Operator.AxisOf(extent);
}
