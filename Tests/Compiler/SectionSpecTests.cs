using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Optimizers;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;

namespace RduEmu.Tests.Compiler;

/// <summary>Plans that were broken on purpose: each is refused, and the message says why.</summary>
[TestFixture]
public sealed class SectionSpecTests
{
    private static readonly Graph Model = DlrmGraph.BuildTrainingStep(DlrmPresets.Tiny, 2, OptimizerKind.RowWiseAdagrad).Graph;
    private static readonly (IReadOnlyList<Stage> Stages, PlaceMap Places) Lowered = StageLowering.Lower(Model, CompileMode.O3);
    private static readonly IReadOnlyList<SectionPlan> Sections = Sectioning.Run(Model, Lowered.Stages, Lowered.Places, new CompileOptions());

    private static int FirstStep => Lowered.Stages.ToList().FindIndex(stage => stage is ScatterUpdateStage);

    [Test]
    public void WhatTheCompilerMakes_Passes([Values] CompileMode mode, [Values] OptimizerKind optimizer, [Values("tiny", "kaggle")] string preset)
    {
        Graph graph = DlrmGraph.BuildTrainingStep(DlrmPresets.Find(preset).WithTableRowsCap(10), 70, optimizer).Graph;
        (IReadOnlyList<Stage> stages, PlaceMap places) = StageLowering.Lower(graph, mode);

        Assert.DoesNotThrow(() => StageSpec.Check(graph, stages, places));
        Assert.DoesNotThrow(() => SectionSpec.Check(graph, stages, Sectioning.Run(graph, stages, places, new CompileOptions(mode)), places));
    }

    [Test]
    public void AStageBeforeWhatItReads_IsRefused() => RefusedStages([.. Lowered.Stages.Reverse()], "written by an earlier stage");

    [Test]
    public void AnOutputThatNobodyWrites_IsRefused()
    {
        ValueId loss = Model.Outputs[1];
        RefusedStages([.. Lowered.Stages.Where(stage => stage.Output != loss)], "the output SampleSum");
    }

    [Test]
    public void AnUpdateThatNobodyWrites_IsRefused() => RefusedStages([.. Lowered.Stages.Where((_, i) => i != FirstStep)], "the update of table.0");

    [Test]
    public void AStateThatIsNotWrittenAlong_IsRefused()
    {
        var step = (ScatterUpdateStage)Lowered.Stages[FirstStep];
        RefusedStages([.. Lowered.Stages.Select(stage => stage == step ? step with { State = null } : stage)], "the update of table.0.sum");
    }

    [Test]
    public void ColumnsWrittenTwice_AreRefused() => RefusedStages([Lowered.Stages[0], .. Lowered.Stages], "written once");

    [Test]
    public void AParameterReadAfterItsUpdate_IsRefused()
    {
        Graph alone = TableStep();
        (IReadOnlyList<Stage> stages, PlaceMap places) = StageLowering.Lower(alone, CompileMode.O3);

        Refused(() => StageSpec.Check(alone, [.. stages.Reverse()], places), "table as it was");
    }

    [Test]
    public void AnUpdateByAnotherValue_IsRefused()
    {
        var step = (ScatterUpdateStage)Lowered.Stages[FirstStep];
        Graph other = Model with { Updates = EquatableArray.Create<Update>([.. Model.Updates.Select(u => u.Parameter == step.Table ? u with { Value = Model.Outputs[0] } : u)]) };

        Refused(() => StageSpec.Check(other, Lowered.Stages, Lowered.Places), "the update of table.0");
    }

    /// <summary>Weights are packed when they are loaded and when they are stepped, not when a node computes one.</summary>
    [Test]
    public void AContractionByAComputedWeight_IsRefused()
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(4, 3));
        ValueId w = builder.Parameter("w", TensorType.Whole(2, 3));
        Graph graph = builder.Build(builder.Apply(new Linear(), x, builder.Apply(new Add(), w, w)));

        Refused(() => GraphCompiler.Compile(graph, new CompileOptions()), "a parameter or a constant");
    }

    [Test]
    public void PipelinesThatTouchTheSame_AreRefused()
    {
        var one = new SectionPlan("all", [.. Sections.SelectMany(section => section.Pipelines)]);
        RefusedSections([one], "left alone by other pipelines");
    }

    [Test]
    public void SectionsOutOfOrder_AreRefused() => RefusedSections([.. Sections.Reverse()], "written by an earlier stage");

    [Test]
    public void AStageThatWasLost_IsRefused() => RefusedSections([.. Sections.SkipLast(1)], "0 times");

    [Test]
    public void AStageThatWasDoubled_IsRefused() => RefusedSections([.. Sections, Sections[^1]], "2 times");

    [Test]
    public void AStageFromElsewhere_IsRefused()
    {
        Stage stranger = Lowered.Stages[^1] with { Name = "stranger" };
        RefusedSections([.. Sections, new SectionPlan("more", [new PipelinePlan([stranger], 1, 1)])], $"{Lowered.Stages.Count} stages");
    }

    [Test]
    public void EmptyTilesOrWrongItems_AreRefused()
    {
        RefusedSections(Changed(pipeline => pipeline with { TileItems = 0 }), "tiles of at least 1");
        RefusedSections(Changed(pipeline => pipeline with { Items = -1 }), "items of at least 0");
        RefusedSections(Changed(pipeline => pipeline with { Items = pipeline.Items + 1 }), "items; got: 2");
    }

    [Test]
    public void WholeStagesAmongSamples_AreRefused()
    {
        var one = new PipelinePlan([.. Sections.SelectMany(section => section.Pipelines).SelectMany(pipeline => pipeline.Stages)], 2, 2);
        RefusedSections([new SectionPlan("all", [one])], "stages of samples or whole ones");
    }

    /// <summary>A sum over all rows, or a value for all of them, is not there while other tiles are still at work.</summary>
    [Test]
    public void ATileThatNeedsOtherTiles_IsRefused()
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Parameter("x", TensorType.Whole(1));
        ValueId rate = builder.Apply(new Add(), x, x);
        Graph graph = builder.Build(builder.Apply(new SgdStep(), x, x, rate));
        (IReadOnlyList<Stage> stages, PlaceMap places) = StageLowering.Lower(graph, CompileMode.O0);

        Refused(() => SectionSpec.Check(graph, stages, [new SectionPlan("all", [new PipelinePlan(stages, 1, 1)])], places), "row by row");
    }

    [Test]
    public void ADenseTableGradientInSeveralTiles_IsRefused()
    {
        Graph graph = TableStep(returnsGradient: true);
        (IReadOnlyList<Stage> stages, PlaceMap places) = StageLowering.Lower(graph, CompileMode.O3);
        SectionPlan[] sections = [.. Sectioning.Run(graph, stages, places, new CompileOptions()).Select(section => section with
        {
            Pipelines = [.. section.Pipelines.Select(pipeline => pipeline with { TileItems = 1 })],
        })];

        Refused(() => SectionSpec.Check(graph, stages, sections, places), "one tile");
    }

    private static Graph TableStep(bool returnsGradient = false)
    {
        var builder = new GraphBuilder();
        ValueId indices = builder.Input("indices", TensorType.Samples(4, 2) with { Element = ElementType.Int32 });
        ValueId dy = builder.Input("dy", TensorType.Samples(4, 3));
        ValueId table = builder.Parameter("table", TensorType.Whole(5, 3));
        ValueId rate = builder.Input("rate", TensorType.Whole(1));
        ValueId bag = builder.Apply(new EmbeddingBag(), indices, table);
        ValueId gradient = builder.Apply(new EmbeddingBagGradient(5), indices, dy);
        builder.Update(table, builder.Apply(new SgdStep(), table, gradient, rate));
        return returnsGradient ? builder.Build(bag, gradient) : builder.Build(bag);
    }

    private static SectionPlan[] Changed(Func<PipelinePlan, PipelinePlan> change) =>
        [Sections[0] with { Pipelines = [change(Sections[0].Pipelines[0]), .. Sections[0].Pipelines.Skip(1)] }, .. Sections.Skip(1)];

    private static void RefusedStages(IReadOnlyList<Stage> stages, string because) => Refused(() => StageSpec.Check(Model, stages, Lowered.Places), because);

    private static void RefusedSections(IReadOnlyList<SectionPlan> sections, string because) =>
        Refused(() => SectionSpec.Check(Model, Lowered.Stages, sections, Lowered.Places), because);

    private static void Refused(Action check, string because)
    {
        RduException error = Assert.Throws<RduException>(() => check())!;
        Assert.That(error.Id, Is.SameAs(ErrorCatalogue.GraphIllegal));
        Assert.That(error.Message, Does.Contain(because));
    }
}
