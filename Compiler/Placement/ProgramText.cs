using System.Globalization;
using System.Text;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Placement;

/// <summary>A placed program for people: sections, stages, streams, transfers, and where their units stand.</summary>
public static class ProgramText
{
    public static string Write(PlacedProgram program, bool withUnits = false)
    {
        var text = new StringBuilder();
        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
        RduResources chip = program.Resources;
        Line($"program for {chip.Name}: {chip.Tiles} tiles of {chip.PcusPerTile} PCUs and {chip.PmusPerTile} PMUs, mode {program.Options.Mode.ToString().ToLowerInvariant()}");
        foreach (PlacedSection placed in program.Sections)
        {
            MachineSection section = placed.Section;
            SectionLayout layout = program.LayoutOf(placed);
            Line($"");
            Line($"section {section.Index} {section.Phase.ToString().ToLowerInvariant()} \"{section.Name}\": {section.Iterations} iterations, {section.Pcus} PCUs, {section.Pmus} PMUs, about {section.EstimatedCycles} cycles");
            foreach (StagePlan stage in section.Stages)
            {
                Line($"  stage {stage.Index} {stage.Template.ToString().ToLowerInvariant()} \"{stage.Name}\": {Extent(stage)}, {stage.ParallelCopies} x {stage.PcusInSeries} PCUs, {stage.EstimatedCycles} cycles, depth {stage.Depth}{Memory("weights", stage.WeightBytes, stage.WeightPmus)}{Memory("sums", stage.AccumulatorBytes, stage.AccumulatorPmus)}");
            }

            foreach (StreamPlan stream in section.Streams)
            {
                Line($"  stream {stream.Index} {program.Graph.Tensors[stream.Tensor].Name}: stage {stream.Producer} -> {stream.Consumer}, {stream.BytesPerIteration} B, lag {stream.LagIterations}, depth {stream.DepthIterations}{(stream.IsSkip ? " skip" : string.Empty)}, {stream.Pmus} PMUs");
            }

            foreach (DramTransfer transfer in section.DramTransfers)
            {
                Line($"  {transfer.Direction.ToString().ToLowerInvariant()} {transfer.Index} {program.Graph.Tensors[transfer.Tensor].Name}: stages {transfer.Stages}, {Timing(transfer.Timing)} {transfer.Bytes} B{(transfer.RequestBytes < transfer.Bytes ? $" by {transfer.RequestBytes}" : string.Empty)}, {transfer.BufferPmus} PMUs");
            }

            Line($"  layout {layout.Index}: cost {layout.InitialCost} -> {layout.Cost}, {layout.Routes.Count} routes");
            if (withUnits)
            {
                foreach (PlacedUnit unit in layout.Units)
                {
                    Line($"    {unit.Kind.ToString().ToLowerInvariant()} {unit.Role.ToString().ToLowerInvariant()} {unit.Owner}.{unit.Ordinal} at {unit.Site}");
                }
            }
        }

        return text.ToString();
    }

    private static string Extent(StagePlan stage) => stage.Gemm is { } gemm
        ? string.Create(CultureInfo.InvariantCulture, $"{gemm.Batch} x {gemm.M}x{gemm.N}x{gemm.K}")
        : string.Create(CultureInfo.InvariantCulture, $"{stage.Elements} elements");

    private static string Memory(string what, long bytes, int pmus) => bytes == 0
        ? string.Empty
        : string.Create(CultureInfo.InvariantCulture, $", {what} {bytes} B in {pmus} PMUs");

    private static string Timing(DramTiming timing) => timing switch
    {
        DramTiming.PerIteration => "each",
        DramTiming.BeforeFirst => "first",
        _ => "last",
    };
}
