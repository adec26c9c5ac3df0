using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;

namespace RduEmu.Tests.Placement;

public sealed class PlacementCompilerTests
{
    [TestCase(CompileMode.O0)]
    [TestCase(CompileMode.O1)]
    [TestCase(CompileMode.O3)]
    public void Compile_EveryOperatorInOneSection(CompileMode mode)
    {
        PlacedProgram program = PlacementCompiler.Compile(
            DlrmGraph.BuildTrainingStep(DlrmPresets.Kaggle, 128).Graph, Chips.Sn10, new PlacementOptions(mode));
        Assert.That(
            program.Sections.SelectMany(placed => placed.Section.Operators).Order(),
            Is.EqualTo(Enumerable.Range(0, program.Graph.Operators.Count)));
    }

    [Test]
    public void Compile_SameInput_SameProgram()
    {
        PlacedProgram Compile() => PlacementCompiler.Compile(
            DlrmGraph.BuildTrainingStep(DlrmPresets.Tiny, 64).Graph, Chips.Small, new PlacementOptions());
        PlacedProgram first = Compile();
        PlacedProgram second = Compile();
        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void Compile_AnotherSeed_OtherPlacesOfTheSameSections()
    {
        PlacedProgram Compile(int seed) => PlacementCompiler.Compile(
            DlrmGraph.BuildTrainingStep(DlrmPresets.Kaggle, 128).Graph, Chips.Sn10, new PlacementOptions(Seed: seed));
        PlacedProgram first = Compile(1);
        PlacedProgram second = Compile(2);
        Assert.That(second.Sections, Is.EqualTo(first.Sections));
        Assert.That(second.Layouts, Is.Not.EqualTo(first.Layouts));
    }

    [Test]
    public void Compile_Annealing_CostFalls()
    {
        PlacedProgram program = PlacementCompiler.Compile(
            DlrmGraph.BuildTrainingStep(DlrmPresets.Kaggle, 128).Graph, Chips.Sn10, new PlacementOptions());
        Assert.That(program.Layouts.Sum(layout => layout.Cost), Is.LessThan(program.Layouts.Sum(layout => layout.InitialCost) * 3 / 4));
    }

    [Test]
    public void Compile_RowThatNoScratchpadHolds_DoesNotFit()
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(4, 1 << 25));
        RduException? error = Assert.Throws<RduException>(
            () => PlacementCompiler.Compile(builder.Build(builder.Apply(new Relu(), x)), Chips.Small, new PlacementOptions()));
        Assert.That(error!.Id, Is.EqualTo(ErrorCatalogue.DoesNotFit));
        Assert.That(error.Message, Does.Contain("Relu_0 on small").And.Contain("PMUs"));
    }

    [Test]
    public void Compile_ParametersLargerThanTheMemory_DoesNotFit() => Assert.That(
        () => PlacementCompiler.Compile(DlrmGraph.BuildInference(DlrmPresets.Kaggle, 8).Graph, Chips.Sn10 with { DramBytes = 1 << 20 }, new PlacementOptions()),
        Throws.TypeOf<RduException>().With.Property(nameof(RduException.Id)).EqualTo(ErrorCatalogue.DoesNotFit));

    [Test]
    public void Compile_WeightLargerThanTheScratchpads_InParts()
    {
        // 40 MB of weights on 16 MB of scratchpads.
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(64, 1024));
        ValueId y = builder.Apply(new Linear(), x, builder.Parameter("w", TensorType.Whole(20480, 1024)));
        PlacedProgram program = PlacementCompiler.Compile(builder.Build(y), Chips.Small, new PlacementOptions());
        Assert.That(program.Sections, Has.Count.EqualTo(4));
        Assert.That(program.Sections.Sum(placed => placed.Section.Stages[0].Gemm!.Value.N), Is.EqualTo(20480));
        Assert.That(program.Layouts, Has.Count.EqualTo(1));
    }
}
