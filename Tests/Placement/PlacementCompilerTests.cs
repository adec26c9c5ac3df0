using NUnit.Framework;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Machine;
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
}
