using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.LayerNorm;
using RduEmu.Kernels.Templates.Softmax;

namespace RduEmu.Compiler.Lowering.Stages;

/// <summary>A layer norm of rows; without gamma and beta only normalized.</summary>
public sealed record LayerNormStage(string Name, ValueId Output, ValueId X, float Epsilon, ValueId? Gamma, ValueId? Beta) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Gamma is { } gamma && Beta is { } beta ? [X, gamma, beta] : [X];

    public override bool ReadsItemByItem(ValueId input) => input == X;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        new LayerNormUnit(
            Name, context.RowsPerItem(X), context.Columns(X), Epsilon, context.Rows(X), context.Rows(Output),
            Gamma is { } gamma && Beta is { } beta ? (context.Rows(gamma), context.Rows(beta)) : null),
    ];
}

/// <summary>The gradient of a layer norm by its input.</summary>
public sealed record LayerNormGradientStage(string Name, ValueId Output, ValueId X, ValueId Gamma, ValueId OutputGradient, float Epsilon)
    : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [X, Gamma, OutputGradient];

    public override bool ReadsItemByItem(ValueId input) => input != Gamma;

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        new LayerNormGradientUnit(
            Name, context.RowsPerItem(X), context.Columns(X), Epsilon, context.Rows(X), context.Rows(Gamma), context.Rows(OutputGradient),
            context.Rows(Output)),
    ];
}

/// <summary>Softmax of rows, with a mask that all rows of a sample share.</summary>
/// <param name="Whole">True for whole values, each last axis a row, without a mask.</param>
public sealed record SoftmaxStage(string Name, ValueId Output, ValueId X, float Scale, ValueId? Mask, bool Whole = false) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => Mask is { } mask ? [X, mask] : [X];

    public override bool IsWhole => Whole;

    public override int CountItems(Graph graph) =>
        Whole ? checked((int)(graph[Output].Type.CountElements / graph[Output].Type.LastExtent)) : base.CountItems(graph);

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        if (Whole)
        {
            int columns = context.TypeOf(X).LastExtent;
            Operand Dense(ValueId value) => new(context.Items(value).OffsetElements, columns, context.Items(value).Space);
            return [new SoftmaxUnit(Name, rowsPerItem: 1, columns, Scale, Dense(X), Dense(Output))];
        }

        return
        [
            new SoftmaxUnit(
                Name, context.RowsPerItem(X), context.Columns(X), Scale, context.Rows(X), context.Rows(Output),
                Mask is { } mask ? context.Items(mask) : null),
        ];
    }
}

/// <summary>The gradient of softmax by its output.</summary>
public sealed record SoftmaxGradientStage(string Name, ValueId Output, ValueId Y, ValueId OutputGradient, float Scale) : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [Y, OutputGradient];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context) =>
    [
        new SoftmaxGradientUnit(
            Name, context.RowsPerItem(Y), context.Columns(Y), Scale, context.Rows(Y), context.Rows(OutputGradient), context.Rows(Output)),
    ];
}

/// <summary>Cross-entropy of rows of logits, or its gradient.</summary>
public sealed record CrossEntropyStage(string Name, ValueId Output, ValueId Logits, ValueId Labels, ValueId Weights, bool IsGradient)
    : Stage(Name, Output)
{
    public override IEnumerable<ValueId> Inputs => [Logits, Labels, Weights];

    public override IEnumerable<ConfiguredUnit> CreateUnits(UnitContext context)
    {
        int rows = context.RowsPerItem(Logits);
        int columns = context.Columns(Logits);
        return IsGradient
            ? [
                new CrossEntropyGradientUnit(
                    Name, rows, columns, context.Rows(Logits), context.Rows(Labels), context.Rows(Weights), context.Rows(Output)),
            ]
            : [
                new CrossEntropyUnit(
                    Name, rows, columns, context.Rows(Logits), context.Rows(Labels), context.Rows(Weights), context.Rows(Output)),
            ];
    }
}
