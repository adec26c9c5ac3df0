using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Convolve;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>A filter in panels for a convolution, or for its gradient; the extents of the images do not matter.</summary>
public sealed record FilterPacking(int TapRows, int TapColumns, int SourceChannels, int ResultChannels, int Groups, bool Transposed, bool Rounds) : WeightPacking
{
    private ConvolveGeometry Geometry => new(
        ConvolveAxis.Forward(TapRows, TapRows, 1, 1, 0, 0), ConvolveAxis.Forward(TapColumns, TapColumns, 1, 1, 0, 0), SourceChannels, ResultChannels, Groups);

    public static FilterPacking Of(ConvolveGeometry geometry, bool transposed, bool rounds) =>
        new(geometry.Height.Taps, geometry.Width.Taps, geometry.SourceChannels, geometry.ResultChannels, geometry.Groups, transposed, rounds);

    public override long LengthElements(TensorType weight) => PackedFilter.LengthElements(Geometry);

    public override ConfiguredUnit CreateUnit(string name, TensorType weight, Operand source, Operand packed) =>
        new ConvolvePackUnit($"pack {name}{(Transposed ? " transposed" : string.Empty)}", Geometry, Transposed, source, packed, Rounds);
}

/// <summary>output = program(convolution of each image of X with the filter).</summary>
/// <param name="Geometry">Of what is computed: of a gradient, the gradient's.</param>
/// <param name="Transposed">True if the filter is turned round.</param>
public sealed record ConvolveStage(
    string Name, ValueId Output, ValueId X, PackedWeightSource Filter, ConvolveGeometry Geometry, bool Transposed, FusedProgram Program)
    : FusableStage(Name, Output, Program)
{
    public override IEnumerable<ValueId> Inputs => [X, Filter.Parameter, .. Program.Inputs];

    public override IEnumerable<PackedInput> PackedInputs => [Packed];

    private PackedInput Packed => new(Filter.Parameter, FilterPacking.Of(Geometry, Transposed, Filter.Rounds));

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        UnitContext.Generic(
            typeof(ConvolveUnit<>), [Program.Tree.ToProgramType()],
            Name, Geometry, context.Rows(X), context.Packed(Packed), context.Rows(Output), context.Bind(Program), Program.Tree.FunctionCount),
    ];
}

/// <summary>The gradient of a filter, over all images.</summary>
/// <param name="Before">The total that it continues, or null.</param>
public sealed record SampleConvolveStage(string Name, ValueId Output, ValueId ResultGradient, ValueId X, ConvolveGeometry Geometry, ValueId? Before = null)
    : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Before is { } before ? [ResultGradient, X, before] : [ResultGradient, X];

    public override bool IsWhole => true;

    public override bool WritesRowByRow => true;

    public override int RowGranule => 16;

    public override bool ReadsItemByItem(ValueId input) => input == Before;

    public override long ScratchElements(Graph graph, int tileItems) =>
        SampleConvolveUnit.ScratchElements(Geometry, graph[X].Type.Shape[0], tileItems);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        new SampleConvolveUnit(
            Name, Geometry, context.TypeOf(X).Shape[0], context.Rows(ResultGradient), context.Rows(X), context.Items(Output), context.ScratchOffsetElements,
            Before is { } before ? context.Items(before) : null),
    ];
}
