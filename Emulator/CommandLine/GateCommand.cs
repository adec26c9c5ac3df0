using System.CommandLine;
using RduEmu.Emulator.CommandLine.Families;
using RduEmu.Emulator.Gate;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary>
/// <c>rduemu gate --baseline FILE</c>: times every program of the baseline again; any cycle more or less in any section fails.
/// <c>rduemu gate MODEL ... --baseline FILE --update</c> adds a program.
/// </summary>
internal static class GateCommand
{
    private static readonly string[] Own = ["--baseline", "--update", "--benchmark", "--json"];

    public static Command Create()
    {
        var all = new GateOptions();
        Command command = ModelCatalogue.CreateCommand("gate", "modelled cycles of each section against a baseline, tolerance zero", () => new GateModel());
        foreach (Option option in (IEnumerable<Option>)[.. all.All, all.Json])
        {
            command.Add(option);
        }

        command.SetAction(parsed => All(all.Read(parsed), parsed.GetValue(all.Json)));
        return command;
    }

    private static int All(GateRequest request, bool json)
    {
        GateBaseline baseline = GateBaseline.Read(request.Baseline);
        var output = new Output(json);
        GateEntry[] now = ProgressBar.Run(output.Progress, "timing", report =>
        {
            var done = new List<GateEntry>();
            foreach (GateEntry entry in baseline.Entries)
            {
                done.Add(Time(entry.Arguments));
                report(done.Count, baseline.Entries.Count, () => entry.Title);
            }

            return done.ToArray();
        });
        return Finish(output, request, json, baseline, baseline.Entries, now);
    }

    /// <summary>The command line of an entry, parsed as that of any command with a model.</summary>
    private static GateEntry Time(IReadOnlyList<string> arguments)
    {
        var collected = new List<GateEntry>();
        Command command = ModelCatalogue.CreateCommand("entry", "an entry of the baseline", () => new GateTiming(arguments, collected));
        ParseResult parsed = command.Parse([.. arguments]);
        if (parsed.Errors.Count > 0)
        {
            throw new RduException(
                ErrorCatalogue.ReportInvalid, string.Join(' ', arguments), "a model with its options", string.Join(' ', parsed.Errors.Select(error => error.Message)),
                "correct the entry's arguments");
        }

        parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        return collected[0];
    }

    private static int Finish(Output output, GateRequest request, bool json, GateBaseline baseline, IReadOnlyList<GateEntry> before, GateEntry[] now)
    {
        string[] differences = [.. before.Zip(now).SelectMany(pair => pair.First.DifferencesTo(pair.Second))];
        foreach (string difference in differences)
        {
            output.WriteLine(difference);
        }

        if (request.Update)
        {
            now.Aggregate(baseline, (all, entry) => all.With(entry)).Write(request.Baseline);
        }

        if (request.Benchmark is not null)
        {
            AtomicFile.Write(request.Benchmark, GateBaseline.Benchmark(now));
        }

        bool passed = differences.Length == 0 || request.Update;
        string programs = $"{now.Length} {(now.Length == 1 ? "program" : "programs")}";
        output.WriteFacts(request.Update
            ? ("written", $"{request.Baseline}: {programs}")
            : passed ? ("passed", $"{programs}, {now.Sum(entry => entry.Sections.Count)} sections, not a cycle more or less") : ("FAILED", "modelled cycles are not what the baseline says"));
        if (json)
        {
            Output.WriteJson(new { Passed = passed, Updated = request.Update, Differences = differences, Programs = now });
        }

        return (int)(passed ? ExitCode.Done : ExitCode.CheckFailed);
    }

    /// <summary>The options of the gate itself.</summary>
    private sealed class GateOptions
    {
        private readonly Option<string> _baseline = new("--baseline") { Description = "the file with the cycles that must not change", Required = true };
        private readonly Option<bool> _update = new("--update") { Description = "write what is modelled now into the baseline" };
        private readonly Option<string?> _benchmark = new("--benchmark") { Description = "also write the cycles for github-action-benchmark (customSmallerIsBetter)" };

        public IReadOnlyList<Option> All => [_baseline, _update, _benchmark];

        public Option<bool> Json { get; } = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };

        public GateRequest Read(ParseResult parsed) => new(parsed.GetRequiredValue(_baseline), parsed.GetValue(_update), parsed.GetValue(_benchmark));
    }

    private sealed record GateRequest(string Baseline, bool Update, string? Benchmark);

    /// <summary>One model against its entry of the baseline.</summary>
    private sealed class GateModel : IModelCommand
    {
        private readonly GateOptions _options = new();
        private readonly MachineOptions _machine = new();

        public IReadOnlyList<Option> Options => [.. _machine.All, .. _options.All];

        public int Run(ParseResult parsed, ModelRequest request)
        {
            GateRequest gate = _options.Read(parsed);
            string[] arguments = Arguments(parsed);
            GateBaseline baseline = File.Exists(gate.Baseline) || !gate.Update ? GateBaseline.Read(gate.Baseline) : new GateBaseline(GateBaseline.Version, []);
            GateEntry now = GateEntry.Of(arguments, ReportCommand.Make(request, _machine.Read(parsed)));
            GateEntry? before = baseline.Entries.FirstOrDefault(entry => entry.Arguments.SequenceEqual(arguments));
            if (before is null && !gate.Update)
            {
                throw new RduException(ErrorCatalogue.ReportInvalid, gate.Baseline, "an entry with these arguments", string.Join(' ', arguments), "add it with --update");
            }

            return Finish(new Output(request.Json), gate, request.Json, baseline, before is null ? [] : [before], [now]);
        }

        private static string[] Arguments(ParseResult parsed)
        {
            // After "gate": the model and its options, without the gate's own.
            string[] words = [.. parsed.Tokens.Select(token => token.Value).SkipWhile(word => word != "gate").Skip(1)];
            var kept = new List<string>();
            for (int i = 0; i < words.Length; i++)
            {
                if (!Own.Contains(words[i]))
                {
                    kept.Add(words[i]);
                }
                else if (words[i] is "--baseline" or "--benchmark")
                {
                    i++;
                }
            }

            return [.. kept];
        }
    }

    /// <summary>Times an entry and keeps what came out.</summary>
    private sealed class GateTiming(IReadOnlyList<string> arguments, List<GateEntry> collected) : IModelCommand
    {
        private readonly MachineOptions _machine = new();

        public IReadOnlyList<Option> Options => _machine.All;

        public int Run(ParseResult parsed, ModelRequest request)
        {
            collected.Add(GateEntry.Of(arguments, ReportCommand.Make(request, _machine.Read(parsed))));
            return (int)ExitCode.Done;
        }
    }
}
