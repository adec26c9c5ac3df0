using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.CommandLine;
using RduEmu.Emulator.Machine.Simulation;
using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Reports;

namespace RduEmu.Emulator.Validation;

/// <summary>Places and times what a case describes and reads the asked quantity off; equal programs are timed once.</summary>
/// <param name="reports">A folder that gets the report of each case's program in a folder of its own, or null.</param>
public sealed class Validator(string? reports = null)
{
    private readonly Dictionary<string, Outcome> _known = [];

    public CaseResult Run(ValidationCase item, CancellationToken cancellation)
    {
        RduSpec spec = RduParts.Find(item.Target);

        // Instances on the parts of one RDU share its channels; one alone has them all.
        int tiles = item.Tiles == 0 ? (int)spec.Chip.Tiles : item.Tiles;
        Outcome step = Time(item, spec, tiles, "step", () => CaseModels.Step(item), cancellation);
        double seconds = step.RduSeconds + item.HostSeconds;
        int sequence = item.Dimensions.GetValueOrDefault("sequence", 1);
        double instances = item.Model == "llama" ? 1 : item.Sockets;
        double token = step.RduSeconds + (item.Batch * spec.Host.SequenceTokenMicroseconds / 1e6);
        return new CaseResult(item, item.Quantity switch
        {
            CaseQuantities.RduSeconds => step.RduSeconds,
            CaseQuantities.SamplesPerSecond => item.Batch * instances / seconds,
            CaseQuantities.TokensPerSecond => item.Batch * instances * sequence / seconds,
            CaseQuantities.Sections => step.Sections,
            CaseQuantities.PcuPercent => step.PcuPercent,
            CaseQuantities.MemoryGigabytesPerSecond => step.MemoryGigabytesPerSecond,
            CaseQuantities.Teraflops => step.Teraflops,
            CaseQuantities.SecondsPerToken => token,
            _ => Time(item, spec, tiles, "prompt", () => CaseModels.Prompt(item), cancellation).RduSeconds + (token * item.Dimensions["output"]),
        });
    }

    private Outcome Time(ValidationCase item, RduSpec spec, int tiles, string part, Func<Graph> build, CancellationToken cancellation)
    {
        string dimensions = string.Join(',', item.Dimensions.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));
        string key = $"{item.Model} {part} {dimensions} {item.Batch} {spec.Digest} {tiles} {item.Sockets} {item.Mode} {item.Recompute}";
        if (!_known.TryGetValue(key, out Outcome? outcome))
        {
            PlacedProgram program = PlacementCompiler.Compile(
                build(), spec.Resources(tiles, Sharing(item)), new PlacementOptions(CommonOptions.ParseMode(item.Mode)), null, cancellation);
            ProgramTiming timing = new ProgramSimulator(spec, program, item.Model == "llama" ? 1 : item.Sockets, Sharing(item)).Run(cancellation);
            ProgramReport report = ProgramReport.Of(item.Name, timing);
            if (reports is not null)
            {
                ReportFolder.Write(report, [], Path.Combine(reports, $"{item.Name}-{part}"));
            }

            _known.Add(key, outcome = new Outcome(
                (timing.Rdu + timing.AllReduce).Seconds(spec.ClockHertz), report.Sections.Length, report.Sections.Max(row => row.PcuUtilization) * 100, Summary.Gigabytes(report),
                Summary.Teraflops(report)));
        }

        return outcome;
    }

    private static bool Sharing(ValidationCase item) => item.Sockets > 1;

    private sealed record Outcome(double RduSeconds, int Sections, double PcuPercent, double MemoryGigabytesPerSecond, double Teraflops);
}
