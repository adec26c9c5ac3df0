using System.Globalization;
using System.Text.Json;
using NUnit.Framework;
using RduEmu.Tests.CommandLine;

namespace RduEmu.Tests.Machine;

/// <summary>The report as its user: files, columns, the same bytes however it is run, what diff and gate say, and each fault in one line.</summary>
[TestFixture, NonParallelizable]
public sealed class ReportTests
{
    private static readonly string[] Files =
        ["summary.json", "section_report.csv", "stage_report.csv", "bandwidth_report.csv", "paths_report.csv", "trace.json", "report.html"];

    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    /// <summary>Small ones of every model; those of the presets are a command in docs/machine.md.</summary>
    [TestCase("dlrm", "--preset", "tiny", "--batch", "64")]
    [TestCase("bert", "--preset", "tiny", "--tokens", "16", "--batch", "4")]
    [TestCase("unet", "--preset", "sn10", "--features", "2", "--image", "32", "--batch", "2")]
    public void SameBytes_InAnotherFolderCultureZoneAndThreadCount(params string[] model)
    {
        Report(model, "a");
        string keptDirectory = Environment.CurrentDirectory;
        CultureInfo keptCulture = CultureInfo.CurrentCulture;
        string? keptZone = Environment.GetEnvironmentVariable("TZ");
        try
        {
            Environment.CurrentDirectory = _folder;
            var strange = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            (strange.NumberFormat.NumberDecimalSeparator, strange.NumberFormat.NumberGroupSeparator, strange.NumberFormat.NegativeSign) = (",", ".", "~");
            CultureInfo.CurrentCulture = strange;
            CultureInfo.DefaultThreadCurrentCulture = strange;
            Environment.SetEnvironmentVariable("TZ", "Asia/Kathmandu");
            TimeZoneInfo.ClearCachedData();
            Report(model, "b", "--threads", "1");
            Report(model, "c", "--threads", "3");
        }
        finally
        {
            Environment.CurrentDirectory = keptDirectory;
            CultureInfo.CurrentCulture = keptCulture;
            CultureInfo.DefaultThreadCurrentCulture = null;
            Environment.SetEnvironmentVariable("TZ", keptZone);
            TimeZoneInfo.ClearCachedData();
        }

        foreach (string file in Files)
        {
            byte[] first = File.ReadAllBytes(At("a", file));
            Assert.That(first, Is.Not.Empty, file);
            Assert.That(File.ReadAllBytes(At("b", file)), Is.EqualTo(first).AsCollection, file);
            Assert.That(File.ReadAllBytes(At("c", file)), Is.EqualTo(first).AsCollection, file);
        }

        Assert.That(Cli.Run("diff", At("a"), At("b")).Exit, Is.Zero);
    }

    [Test]
    public void Tables_HaveTheColumnsThatRduUsersKnow()
    {
        Report("a");

        Assert.That(Header("section_report.csv"), Does.StartWith(
            "section_id,chip_id,partition_id,section type,measured throughput (samples/s),measured latency (cycles),measured latency (sec),measured DDR read BW (GB/s),"
            + "measured DDR write BW (GB/s),measured DDR total BW (GB/s),measured PMU count,measured PMU utilization,measured PCU count,measured PCU utilization,"));
        Assert.That(Header("stage_report.csv"), Does.StartWith(
            "section id,stage depth,stage id,related ids,non-buffer template names,mac id,nodes(kNames),nodes(NodeName),measured latency (cycles/iter),"));
        Assert.That(Header("bandwidth_report.csv"), Does.EndWith(
            "source_unit_name,event_name,required_avg_bandwidth,bandwidth_vec/cycles,slowdown_factor,manhattan_distance,number_iterations,number_iterations_global,bank_conflict_count"));
        Assert.That(Header("paths_report.csv"), Is.EqualTo("section id,buffer chain,latency (cycles),nodes,source stage depth,destination stage depth"));
    }

    /// <summary>Every section's cycles add up to the step, and what the page and the trace name is there.</summary>
    [Test]
    public void Numbers_AddUp_AndThePageNeedsNothingElse()
    {
        Report("a");
        using JsonDocument summary = JsonDocument.Parse(File.ReadAllBytes(At("a", "summary.json")));
        long rdu = summary.RootElement.GetProperty("rduCycles").GetInt64();
        string[] rows = [.. File.ReadAllLines(At("a", "section_report.csv")).Skip(1)];
        long sum = rows.Sum(row => long.Parse(Field(row, 5), CultureInfo.InvariantCulture));

        Assert.That(rows, Has.Length.EqualTo(summary.RootElement.GetProperty("sections").GetInt32()).And.Length.GreaterThan(1));
        Assert.That(sum, Is.EqualTo(rdu));
        Assert.That(summary.RootElement.GetProperty("insights").EnumerateArray().First().GetString(), Does.Contain("samples/s"));
        string page = File.ReadAllText(At("a", "report.html"));
        Assert.That(page, Does.Not.Match("src=|href=|url\\(|@import|fetch\\(|https:").And.Contain("modelled cycles").And.Contain("batch 65536"));
        using JsonDocument trace = JsonDocument.Parse(File.ReadAllBytes(At("a", "trace.json")));
        JsonElement[] slices = [.. trace.RootElement.GetProperty("traceEvents").EnumerateArray().Where(item => item.GetProperty("ph").GetString() == "X")];
        Assert.That(slices.Max(slice => slice.GetProperty("ts").GetInt64() + slice.GetProperty("dur").GetInt64()), Is.LessThanOrEqualTo(rdu));
        Assert.That(trace.RootElement.GetProperty("otherData").GetProperty("unit").GetString(), Does.StartWith("modelled cycles"));
    }

    [Test]
    public void Diff_SaysWhatMoved()
    {
        Report("a");
        Report("b", "--target", "sn30");
        Cli diff = Cli.Run("diff", At("a"), At("b"), "--json");

        Assert.That(diff.Exit, Is.EqualTo(1));
        Assert.That(diff.Json.GetProperty("equal").GetBoolean(), Is.False);
        Assert.That(diff.Json.GetProperty("moved").GetArrayLength(), Is.GreaterThan(0));
        Assert.That(diff.Json.GetProperty("stepCycles")[0].GetInt64(), Is.Not.EqualTo(diff.Json.GetProperty("stepCycles")[1].GetInt64()));
    }

    /// <summary>The gate holds against itself and falls with a single cycle more or less, in a section or in the step.</summary>
    [Test]
    public void Gate_FallsWithOneCycle_InEitherDirection()
    {
        string baseline = Path.Combine(_folder, "gate.json");
        string benchmark = Path.Combine(_folder, "benchmark.json");
        Assert.That(Cli.Run("gate", "dlrm", "--preset", "tiny", "--target", "sn10", "--baseline", baseline, "--update").Exit, Is.Zero);
        Cli held = Cli.Run("gate", "--baseline", baseline, "--benchmark", benchmark, "--json");
        Assert.That((held.Exit, held.Json.GetProperty("passed").GetBoolean()), Is.EqualTo((0, true)), held.Error);
        using (JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(benchmark)))
        {
            Assert.That(document.RootElement[0].GetProperty("unit").GetString(), Is.EqualTo("modelled cycles"));
            Assert.That(document.RootElement.GetArrayLength(), Is.GreaterThan(2));
        }

        string kept = File.ReadAllText(baseline);
        string cycles = kept.Split("\"cycles\": ")[1].Split('\n')[0].TrimEnd(',', ' ', '}');
        foreach (int change in new[] { -1, 1 })
        {
            File.WriteAllText(baseline, kept.Replace($"\"cycles\": {cycles}", $"\"cycles\": {long.Parse(cycles, CultureInfo.InvariantCulture) + change}", StringComparison.Ordinal));
            Cli fallen = Cli.Run("gate", "--baseline", baseline, "--json");
            Assert.That(fallen.Exit, Is.EqualTo(1), $"{change}");
            Assert.That(fallen.Json.GetProperty("differences")[0].GetString(), Does.Contain("section 0"));
        }

        Assert.That(Cli.Run("gate", "--baseline", baseline, "--update").Exit, Is.Zero);
        Assert.That(File.ReadAllText(baseline), Is.EqualTo(kept));
    }

    [TestCase("RDU0202", "report", "dlrm", "--preset", "tiny", "--target", "sn99", "-o", "out")]
    [TestCase("RDU0101", "report", "dlrm", "--preset", "tiny", "--target", "none.json", "-o", "out")]
    [TestCase("RDU0201", "report", "dlrm", "--preset", "tiny", "--tiles", "5", "-o", "out")]
    [TestCase("RDU0201", "report", "dlrm", "--preset", "tiny", "--sockets", "0", "-o", "out")]
    [TestCase("RDU0201", "report", "dlrm", "--preset", "tiny", "--sockets", "99", "-o", "out")]
    [TestCase("RDU0201", "report", "dlrm", "--preset", "tiny", "--batch", "3", "--sockets", "2", "-o", "out")]
    [TestCase("RDU0202", "report", "dlrm", "--preset", "tiny", "--storage", "fp8", "-o", "out")]
    [TestCase("RDU0501", "report", "dlrm", "--preset", "tiny", "-o", "/proc/report")]
    [TestCase("RDU0201", "report", "dlrm", "--preset", "tiny")]
    [TestCase("RDU0101", "diff", "none", "none")]
    [TestCase("RDU0201", "diff", "/", "none")]
    [TestCase("RDU0101", "diff", "/", "/")]
    [TestCase("RDU0101", "gate", "--baseline", "none.json")]
    [TestCase("RDU0101", "validate", "--cases", "none.yaml")]
    [TestCase("RDU0201", "validate", "--only", "no such case")]
    public void FaultOfTheUser_IsOneLine(string id, params string[] args)
    {
        Cli result = Cli.Run([.. args.Select(arg => arg == "out" ? Path.Combine(_folder, "out") : arg)]);

        Assert.That(result.Exit, Is.EqualTo(2), result.Error);
        Assert.That(result.Error.TrimEnd().Split('\n'), Has.Length.EqualTo(1), result.Error);
        Assert.That(result.Error, Does.StartWith($"{id}: "));
        Assert.That(Directory.Exists(Path.Combine(_folder, "out")), Is.False);
    }

    /// <summary>RDUs that share a graph have a table of what goes over each link; a step has its time in it.</summary>
    [TestCase("tensor", 2)]
    [TestCase("tensor", 16)]
    [TestCase("pipeline", 2)]
    public void Traffic_OfEachLinkIsShown(string parallel, int sockets)
    {
        Report("a", "--sockets", $"{sockets}", "--parallel", parallel);
        string[] rows = File.ReadAllLines(At("a", "traffic_report.csv"));
        using JsonDocument summary = JsonDocument.Parse(File.ReadAllBytes(At("a", "summary.json")));
        long bytes = rows.Skip(1).Sum(row => long.Parse(row.Split(',')[^1], CultureInfo.InvariantCulture));

        Assert.That(rows[0], Is.EqualTo("from rdu,to rdu,network,messages,bytes"));
        Assert.That(rows.Any(row => row.Contains("between nodes", StringComparison.Ordinal)), Is.EqualTo(sockets > 8));
        Assert.That(summary.RootElement.GetProperty("linkBytes").GetInt64(), Is.EqualTo(bytes).And.GreaterThan(0));
        Assert.That(summary.RootElement.GetProperty("allReduceCycles").GetInt64(), Is.GreaterThan(0));
        Assert.That(summary.RootElement.GetProperty("samples").GetInt64(), Is.EqualTo(64));
        Assert.That(File.ReadAllText(At("a", "report.html")), Does.Contain("Links between RDUs"));
    }

    private void Report(string name, params string[] more) => Report(["dlrm", "--preset", "tiny", "--batch", "64"], name, more);

    private void Report(string[] model, string name, params string[] more)
    {
        Cli result = Cli.Run(["report", .. model, "-o", At(name), .. more]);
        Assert.That(result.Exit, Is.Zero, result.Error);
    }

    private string At(string name, string file = "") => Path.Combine(_folder, name, file);

    private string Header(string file) => File.ReadLines(At("a", file)).First();

    /// <summary>A field of a row whose third field, "(0,0)", is quoted.</summary>
    private static string Field(string row, int index)
    {
        string[] halves = row.Split('"', 3);
        return halves[2].Split(',')[index - 2];
    }
}
