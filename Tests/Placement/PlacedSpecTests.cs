using NUnit.Framework;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Compiler.Placement.Specs;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;

namespace RduEmu.Tests.Placement;

/// <summary>A legal program is broken in one place at a time; each rule must say so.</summary>
public sealed class PlacedSpecTests
{
    private static readonly PlacedProgram Legal = PlacementCompiler.Compile(
        DlrmGraph.BuildTrainingStep(DlrmPresets.Tiny, 256).Graph, Chips.Small, new PlacementOptions());

    /// <summary>The first section: the whole forward pass.</summary>
    private static readonly MachineSection Forward = Legal.Sections[0].Section;

    [Test]
    public void Check_LegalProgram_Passes() => Assert.That(() => PlacedSpec.Check(Legal), Throws.Nothing);

    [Test]
    public void Check_TwoUnitsOnOneSite_Refused() => AssertRefused(
        WithUnit(unit => unit.Role == UnitRole.StreamBuffer, unit => unit with { Site = Legal.Layouts[0].Units.First(other => other.Role == UnitRole.DramBuffer).Site }),
        "a site of its own");

    [Test]
    public void Check_PcuOnTheSiteOfAPmu_Refused() => AssertRefused(
        WithUnit(unit => unit.Kind == UnitKind.Pcu, unit => unit with { Site = unit.Site with { Column = unit.Site.Column ^ 1 } }), "a site with a Pcu");

    [Test]
    public void Check_UnitOutsideTheGrid_Refused() => AssertRefused(
        WithUnit(unit => unit.Kind == UnitKind.Pcu, unit => unit with { Site = unit.Site with { Row = 8 } }), "a site of 8 x 8");

    [Test]
    public void Check_PortWhereThereIsNone_Refused() => AssertRefused(
        WithUnit(unit => unit.Kind == UnitKind.Agcu, unit => unit with { Site = new Site(3, 3) }), "a site with an AGCU");

    [Test]
    public void Check_MissingUnit_Refused() => AssertRefused(
        WithLayout(Legal.Layouts[0] with { Units = [.. Legal.Layouts[0].Units.SkipLast(1)] }), "a port");

    [Test]
    public void Check_WeightsLargerThanTheirPmus_Refused() => AssertRefused(
        WithStages(stage => stage with { WeightBytes = stage.WeightPmus * Legal.Resources.PmuBytes + 1 }), "bytes in");

    [Test]
    public void Check_BufferLargerThanItsPmus_Refused() => AssertRefused(
        WithStreams(stream => stream with { BytesPerIteration = Legal.Resources.PmuBytes }), "bytes in");

    [Test]
    public void Check_MorePcusThanTheChip_Refused() => AssertRefused(WithStages(stage => stage with { ParallelCopies = 1000 }), "PCUs");

    [Test]
    public void Check_RouteWithoutItsLastLink_Refused() => AssertRefused(
        WithRoutes(route => route.Links.Count > 1 && route.Sinks.Count == 1 ? route with { Links = [.. route.Links.Skip(1)] } : route), string.Empty);

    [Test]
    public void Check_RouteThatIsLost_Refused() => AssertRefused(
        WithLayout(Legal.Layouts[0] with { Routes = [.. Legal.Layouts[0].Routes.Where(route => !SinksInto(route, UnitRole.StreamBuffer))] }), "a route to the buffer");

    [Test]
    public void Check_CreditsThatDoNotComeBack_Refused()
    {
        Route token = Legal.Layouts[0].Routes.First(route => route.Network == Network.Control);
        AssertRefused(WithLayout(Legal.Layouts[0] with { Routes = [.. Legal.Layouts[0].Routes.Where(route => route != token)] }), "ways back for credits");
    }

    [Test]
    public void Check_LoadThatRoutesDoNotAddUpTo_Refused() => AssertRefused(
        WithLayout(Legal.Layouts[0] with { LinkLoads = [.. Legal.Layouts[0].LinkLoads.Select(load => load with { BytesPerIteration = load.BytesPerIteration + 1 })] }), "routes on");

    [Test]
    public void Check_OperatorTwice_Refused()
    {
        PlacedSection again = Legal.Sections[0] with { Section = Forward with { Index = Legal.Sections.Count } };
        AssertRefused(Legal with { Sections = [.. Legal.Sections, again] }, "one section");
    }

    [Test]
    public void Check_OperatorInNoSection_Refused() => AssertRefused(Legal with { Sections = [.. Legal.Sections.SkipLast(1)] }, "a section for all of it");

    [Test]
    public void Check_LoadBeforeItIsStored_Refused()
    {
        PlacedSection withoutStores = Legal.Sections[0] with
        {
            Section = Forward with { DramTransfers = [.. Forward.DramTransfers.Where(transfer => transfer.Direction == DramDirection.Load)] },
        };
        AssertRefused(Legal with { Sections = [withoutStores, .. Legal.Sections.Skip(1)] }, "stored before");
    }

    [Test]
    public void Check_InputThatNothingBrings_Refused() => AssertRefused(
        WithSection(Forward with { Streams = [.. Forward.Streams.Skip(1)] }), "from a stream or from the memory");

    [Test]
    public void Check_SingleBuffer_Refused() => AssertRefused(WithStreams(stream => stream with { DepthIterations = 1 }), "at least two");

    [Test]
    public void Check_ParametersLargerThanTheMemory_Refused() => AssertRefused(
        Legal with { Resources = Legal.Resources with { DramBytes = 100 } }, "at most 100 bytes");

    [Test]
    public void FindCycle_SkipBufferShorterThanWhatTheLongWayNeeds_SaysWhoWaits()
    {
        // a -> b -> c with a lag of 4 between b and c, and a skip a -> c of depth 3: c waits for 4 pieces of b, b for a, a for room at c.
        MachineSection section = Diamond(skipDepth: 3);
        Assert.That(CreditSpec.FindCycle(section), Does.Contain("a waits for room after 3 pieces for c"));
        RduException? error = Assert.Throws<RduException>(() => CreditSpec.Check(section));
        Assert.That(error!.Id, Is.EqualTo(ErrorCatalogue.Deadlock));
    }

    [Test]
    public void FindCycle_SkipBufferThatJustSuffices_None() => Assert.That(CreditSpec.FindCycle(Diamond(skipDepth: 4)), Is.Null);

    [Test]
    public void FindCycle_BufferShorterThanItsLag_Found() =>
        Assert.That(CreditSpec.FindCycle(Diamond(skipDepth: 9) with { Streams = [Stream(0, 0, 1, lag: 5, depth: 4)] }), Does.Contain("waits for 5 pieces"));

    private static MachineSection Diamond(int skipDepth) => new(
        0, "diamond", Phase.Forward, [], 16, [Stage(0, "a"), Stage(1, "b"), Stage(2, "c")],
        [Stream(0, 0, 1, 1, 2), Stream(1, 1, 2, 4, 8), Stream(2, 0, 2, 1, skipDepth)], [], 0);

    private static StagePlan Stage(int index, string name) => new(index, name, TemplateKind.Simd, [], null, 16, 1, 16, 1, 1, 0, 0, 0, 0, index, 1);

    private static StreamPlan Stream(int index, int producer, int consumer, int lag, int depth) => new(index, 0, producer, consumer, 64, lag, depth, false, 1);

    private static void AssertRefused(PlacedProgram program, string expected)
    {
        RduException? error = Assert.Throws<RduException>(() => PlacedSpec.Check(program));
        Assert.That(error!.Id, Is.EqualTo(ErrorCatalogue.PlacementIllegal));
        Assert.That(error.Message, Does.Contain(expected));
    }

    private static bool SinksInto(Route route, UnitRole role) => route.Sinks.Any(sink => Legal.Layouts[0].Units[sink].Role == role);

    private static PlacedProgram WithSection(MachineSection section) => Legal with { Sections = [Legal.Sections[0] with { Section = section }, .. Legal.Sections.Skip(1)] };

    private static PlacedProgram WithStages(Func<StagePlan, StagePlan> change) => WithSection(Forward with { Stages = [.. Forward.Stages.Select(change)] });

    private static PlacedProgram WithStreams(Func<StreamPlan, StreamPlan> change) => WithSection(Forward with { Streams = [.. Forward.Streams.Select(change)] });

    private static PlacedProgram WithLayout(SectionLayout layout) => Legal with { Layouts = [layout, .. Legal.Layouts.Skip(1)] };

    private static PlacedProgram WithRoutes(Func<Route, Route> change) => WithLayout(Legal.Layouts[0] with { Routes = [.. Legal.Layouts[0].Routes.Select(change)] });

    private static PlacedProgram WithUnit(Func<PlacedUnit, bool> which, Func<PlacedUnit, PlacedUnit> change)
    {
        PlacedUnit unit = Legal.Layouts[0].Units.First(which);
        return WithLayout(Legal.Layouts[0] with { Units = [.. Legal.Layouts[0].Units.Select(other => other.Index == unit.Index ? change(unit) : other)] });
    }
}
