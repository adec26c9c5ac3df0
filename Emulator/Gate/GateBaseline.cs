using System.Text.Encodings.Web;
using System.Text.Json;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Reports;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Gate;

/// <summary>Modelled cycles of one section.</summary>
public sealed record GateSection(string Type, string Name, long Cycles);

/// <summary>A program of the gate: the command line that makes it, and what it took.</summary>
/// <param name="Arguments">Model and options, as after <c>rduemu report</c>.</param>
public sealed record GateEntry(IReadOnlyList<string> Arguments, string Title, long StepCycles, IReadOnlyList<GateSection> Sections)
{
    public static GateEntry Of(IReadOnlyList<string> arguments, ProgramReport report) => new(
        arguments, $"{report.Title} on {report.Spec.Name}", report.Timing.Step.Count, [.. report.Sections.Select(row => new GateSection(row.Type, row.Name, row.LatencyCycles))]);

    /// <summary>Every number that is not what it was, faster or slower; empty if the gate holds.</summary>
    public IReadOnlyList<string> DifferencesTo(GateEntry now)
    {
        var lines = new List<string>();
        for (int i = 0; i < Math.Max(Sections.Count, now.Sections.Count); i++)
        {
            GateSection? before = i < Sections.Count ? Sections[i] : null;
            GateSection? after = i < now.Sections.Count ? now.Sections[i] : null;
            if (before != after)
            {
                lines.Add($"{Title}: section {i} {Describe(before)} -> {Describe(after)}");
            }
        }

        if (StepCycles != now.StepCycles || lines.Count > 0)
        {
            lines.Add($"{Title}: step {StepCycles} -> {now.StepCycles} cycles ({(now.StepCycles < StepCycles ? "faster: write it back with --update" : now.StepCycles > StepCycles ? "slower" : "the same in all")})");
        }

        return lines;
    }

    private static string Describe(GateSection? section) => section is null ? "nothing" : $"{section.Type} {section.Name} {section.Cycles}";
}

/// <summary>The file of a performance gate. Cycles are modelled, so they have no noise and the tolerance is zero.</summary>
public sealed record GateBaseline(string Schema, IReadOnlyList<GateEntry> Entries)
{
    public const string Version = "rdu-gate/1";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <exception cref="RduException">RDU0101, RDU0603.</exception>
    public static GateBaseline Read(string path)
    {
        try
        {
            GateBaseline? baseline = JsonSerializer.Deserialize<GateBaseline>(File.ReadAllBytes(path), Json);
            return baseline is { Schema: Version, Entries: not null } && baseline.Entries.All(entry => entry is { Arguments.Count: > 0, Sections: not null, Title: not null })
                ? baseline
                : throw Invalid(path, "another schema, or an entry without arguments or sections");
        }
        catch (JsonException error)
        {
            throw Invalid(path, error.Message);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a baseline", error.Message, "make it with 'rduemu gate MODEL --baseline FILE --update'");
        }
    }

    public void Write(string path) => AtomicFile.Write(path, [.. JsonSerializer.SerializeToUtf8Bytes(this, Json), (byte)'\n']);

    /// <summary>The entry in the place of one with the same arguments, or at the end.</summary>
    public GateBaseline With(GateEntry entry)
    {
        List<GateEntry> entries = [.. Entries];
        int known = entries.FindIndex(other => other.Arguments.SequenceEqual(entry.Arguments));
        if (known < 0)
        {
            entries.Add(entry);
        }
        else
        {
            entries[known] = entry;
        }

        return this with { Entries = entries };
    }

    /// <summary>github-action-benchmark's form for its tool customSmallerIsBetter.</summary>
    public static byte[] Benchmark(IEnumerable<GateEntry> entries) => JsonSerializer.SerializeToUtf8Bytes(
        entries.SelectMany(entry => entry.Sections
            .Select((section, i) => new { Name = $"{entry.Title} / section {i} {section.Type}", Unit = "modelled cycles", Value = section.Cycles, Extra = section.Name })
            .Prepend(new { Name = $"{entry.Title} / step", Unit = "modelled cycles", Value = entry.StepCycles, Extra = $"{entry.Sections.Count} sections" })),
        Json);

    private static RduException Invalid(string path, string got) =>
        new(ErrorCatalogue.ReportInvalid, path, $"a baseline in {Version}", got, "make it again with 'rduemu gate MODEL --baseline FILE --update'");
}
