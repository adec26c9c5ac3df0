using NUnit.Framework;
using RduEmu.Compiler.Executables;
using RduEmu.Emulator.CommandLine;
using RduEmu.Emulator.Machine.Spec;

namespace RduEmu.Tests.CommandLine;

public sealed class CompileCommandTests
{
    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Compile_Twice_TheSameBytesAndWhatTheJsonSays()
    {
        Cli first = Compile("a.rdux");
        Cli second = Compile("b.rdux");
        Assert.That(first.Exit, Is.Zero, first.Error);
        Assert.That(second.Exit, Is.Zero, second.Error);
        byte[] file = File.ReadAllBytes(PathOf("a.rdux"));
        Assert.That(File.ReadAllBytes(PathOf("b.rdux")), Is.EqualTo(file));
        Assert.That(first.Json.GetProperty("bytes").GetInt64(), Is.EqualTo(file.Length));
        Assert.That(first.Json.GetProperty("sections").GetInt32(), Is.GreaterThan(1));
        Assert.That(first.Json.GetProperty("placementCost").GetInt64(), Is.LessThan(first.Json.GetProperty("initialPlacementCost").GetInt64()));
    }

    [Test]
    public void Compile_FromAnotherFolder_TheSameBytes()
    {
        Compile("a.rdux");
        string before = Environment.CurrentDirectory;
        try
        {
            Environment.CurrentDirectory = _folder;
            Assert.That(Cli.Run("compile", "dlrm", "--preset", "tiny", "--batch", "64", "--target", "sn10", "-o", "c.rdux").Exit, Is.Zero);
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }

        Assert.That(File.ReadAllBytes(PathOf("c.rdux")), Is.EqualTo(File.ReadAllBytes(PathOf("a.rdux"))));
    }

    [Test]
    public void Run_Executable_TheOutputsOfTheModelItself()
    {
        Compile("a.rdux", "--mode", "o1");
        Cli placed = Cli.Run("run", PathOf("a.rdux"), "--steps", "3", "--json");
        Cli model = Cli.Run("run", "dlrm", "--preset", "tiny", "--batch", "64", "--steps", "3", "--json");
        Assert.That(placed.Exit, Is.Zero, placed.Error);
        Assert.That(placed.Json.GetProperty("outputsDigest").GetString(), Is.EqualTo(model.Json.GetProperty("outputsDigest").GetString()));
        Assert.That(placed.Json.GetProperty("batch").GetInt32(), Is.EqualTo(64));
    }

    /// <summary>What was placed is executed as it is placed: run compares its predictions with those of the whole program, bit for bit.</summary>
    [TestCase("o0")]
    [TestCase("o3")]
    public void Run_ExecutableOfAnInference_AsItIsPlaced(string mode)
    {
        Compile("a.rdux", "--mode", mode, "--inference");
        Cli run = Cli.Run("run", PathOf("a.rdux"), "--steps", "1", "--json");
        Assert.That(run.Exit, Is.Zero, run.Error);
        Assert.That(run.Json.GetProperty("placedSections").GetInt32(), mode == "o3" ? Is.EqualTo(1) : Is.GreaterThan(10));
        Assert.That(
            run.Json.GetProperty("outputsDigest").GetString(),
            Is.EqualTo(Cli.Run("run", "dlrm", "--preset", "tiny", "--batch", "64", "--steps", "1", "--json").Json.GetProperty("outputsDigest").GetString()));
    }

    /// <summary>The same for the other models: their placed sections have the bits of the whole program, and of the model itself.</summary>
    [TestCase("bert", "--preset", "tiny", "--tokens", "16", "--batch", "4")]
    [TestCase("unet", "--preset", "sn10", "--features", "2", "--image", "32", "--batch", "2")]
    public void Run_ExecutableOfAnotherModel_AsItIsPlaced(params string[] model)
    {
        Cli compiled = Cli.Run(["compile", .. model, "--mode", "o1", "--inference", "--target", "sn10", "-o", PathOf("a.rdux"), "--json"]);
        Assert.That(compiled.Exit, Is.Zero, compiled.Error);
        Cli run = Cli.Run("run", PathOf("a.rdux"), "--steps", "1", "--json");
        Assert.That(run.Exit, Is.Zero, run.Error);
        Assert.That(run.Json.GetProperty("placedSections").GetInt32(), Is.EqualTo(compiled.Json.GetProperty("sections").GetInt32()).And.GreaterThan(1));
        Assert.That(
            run.Json.GetProperty("outputsDigest").GetString(), Is.EqualTo(Cli.Run(["run", .. model, "--steps", "1", "--json"]).Json.GetProperty("outputsDigest").GetString()));
    }

    /// <summary>The machine and the rules are in the file: their own files are gone, and the report is the model's own.</summary>
    [Test]
    public void Report_Executable_FromTheFileItself()
    {
        string machine = PathOf("mine.json");
        File.WriteAllBytes(machine, RduParts.Find("sn10").Content.ToArray());
        File.WriteAllText(PathOf("rules.yaml"), "pair: {priority: 1, pattern: {x: {op_type: linear, child: y}, y: {op_type: add_bias}}}");
        string[] options = ["--mode", "o1", "--target", machine];
        Assert.That(Cli.Run(["compile", "dlrm", "--preset", "tiny", "--batch", "64", .. options, "--rules", PathOf("rules.yaml"), "-o", PathOf("a.rdux")]).Exit, Is.Zero);
        Assert.That(Cli.Run(["report", "dlrm", "--preset", "tiny", "--batch", "64", .. options, "-o", PathOf("default")]).Exit, Is.Zero);
        File.Delete(machine);
        File.Delete(PathOf("rules.yaml"));
        Cli report = Cli.Run("report", PathOf("a.rdux"), "-o", PathOf("stored"));
        Cli again = Cli.Run("compile", PathOf("a.rdux"), "-o", PathOf("b.rdux"));

        Assert.That((report.Exit, again.Exit), Is.EqualTo((0, 0)), report.Error + again.Error);
        Assert.That(File.ReadAllText(PathOf("stored/section_report.csv")), Is.Not.EqualTo(File.ReadAllText(PathOf("default/section_report.csv"))), "rules");
        Executable first = ExecutableFile.Read(PathOf("a.rdux"));
        Executable second = ExecutableFile.Read(PathOf("b.rdux"));
        Assert.That(second.Program, Is.EqualTo(first.Program));
        Assert.That(second.Machine.ToArray(), Is.EqualTo(first.Machine.ToArray()));
    }

    /// <summary>Each region of the file, a byte changed: refused in one line, and no report is begun.</summary>
    [Test]
    public void Report_ExecutableDamagedAnywhere_RefusedAndNothingLeft()
    {
        Compile("a.rdux");
        byte[] file = File.ReadAllBytes(PathOf("a.rdux"));
        for (int region = 0; region < 12; region++)
        {
            int place = (int)((long)region * (file.Length - 1) / 11);
            file[place] ^= 0x10;
            File.WriteAllBytes(PathOf("b.rdux"), file);
            file[place] ^= 0x10;
            AssertOneLine(Cli.Run("report", PathOf("b.rdux"), "-o", PathOf("out")), "RDU0614", "b.rdux");
            Assert.That(Directory.Exists(PathOf("out")), Is.False);
        }
    }

    [TestCase("\"gibibytes\": { \"value\": 256", "\"gibibytes\": { \"value\": -1", "gibibytes")]
    [TestCase("\"lanes\": {", "\"lines\": {", "pcu")]
    public void Compile_MachineWithANumberMissingOrNegative_RefusedAndNothingLeft(string part, string by, string where)
    {
        string text = System.Text.Encoding.UTF8.GetString(RduParts.Find("sn10").Content.Span);
        string damaged = text.Contains(part, StringComparison.Ordinal)
            ? text.Replace(part, by, StringComparison.Ordinal)
            : System.Text.RegularExpressions.Regex.Replace(text, "(\"gibibytes\": \\{ \"value\": )\\d+", "${1}-1");
        File.WriteAllText(PathOf("mine.json"), damaged);
        AssertOneLine(Cli.Run("compile", "dlrm", "--preset", "tiny", "--target", PathOf("mine.json"), "-o", PathOf("a.rdux")), "RDU0601", where);
        Assert.That(Directory.GetFiles(_folder).Select(Path.GetFileName), Is.EqualTo(new List<string> { "mine.json" }).AsCollection);
    }

    [TestCase("report")]
    [TestCase("compile")]
    public void ModelThatCannotFit_RefusedAndNothingLeft(string command)
    {
        string text = System.Text.Encoding.UTF8.GetString(RduParts.Find("sn10").Content.Span);
        File.WriteAllText(PathOf("mine.json"), System.Text.RegularExpressions.Regex.Replace(text, "(\"gibibytes\": \\{ \"value\": )\\d+", "${1}1"));
        Cli report = Cli.Run(command, "dlrm", "--preset", "mlperf", "--table-rows-cap", "40000000", "--batch", "64", "--target", PathOf("mine.json"), "-o", PathOf("out.rdux"));
        AssertOneLine(report, "RDU0611", "outside the chip");
        Assert.That(Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName), Is.EqualTo(new List<string> { "mine.json" }).AsCollection);
    }

    [Test]
    public void Run_ExecutableWithOptionsOfAnotherModel_Refused()
    {
        Compile("a.rdux");
        Cli run = Cli.Run("run", PathOf("a.rdux"), "--preset", "ml100k", "--steps", "1");
        AssertOneLine(run, "RDU0201", "the graph that it was compiled from");
    }

    [Test]
    public void Run_DamagedExecutable_Refused()
    {
        Compile("a.rdux");
        byte[] file = File.ReadAllBytes(PathOf("a.rdux"));
        file[file.Length / 2] ^= 1;
        File.WriteAllBytes(PathOf("a.rdux"), file);
        AssertOneLine(Cli.Run("run", PathOf("a.rdux")), "RDU0614", "checksum");
    }

    [Test]
    public void Run_ExecutableThatIsMissing_Refused() => AssertOneLine(Cli.Run("run", PathOf("none.rdux")), "RDU0101", "none.rdux");

    [Test]
    public void Compile_RulesThatAreNone_RefusedAndNothingLeft()
    {
        File.WriteAllText(PathOf("rules.yaml"), "a: {priority: 1, heuristic: FAST, pattern: {x: {op_type: linear}}}");
        AssertOneLine(Compile("a.rdux", "--mode", "o1", "--rules", PathOf("rules.yaml")), "RDU0613", "SAFE_GEMM");
        Assert.That(Directory.GetFiles(_folder).Select(Path.GetFileName), Is.EqualTo(new List<string> { "rules.yaml" }).AsCollection);
    }

    [Test]
    public void Compile_UnknownTarget_RefusedAndNothingLeft()
    {
        AssertOneLine(Cli.Run("compile", "dlrm", "--preset", "tiny", "--target", "sn99", "-o", PathOf("a.rdux")), "RDU0202", "sn99");
        Assert.That(Directory.GetFileSystemEntries(_folder), Is.Empty);
    }

    [Test]
    public void Compile_Text_SectionsStagesAndPlaces()
    {
        Compile("a.rdux", "--text", PathOf("a.txt"));
        Assert.That(File.ReadAllText(PathOf("a.txt")), Does.StartWith("program for sn10").And.Contain("stage 0").And.Contain("pcu compute 0.0 at ("));
    }

    private static void AssertOneLine(Cli run, string id, string expected)
    {
        Assert.That(run.Exit, Is.EqualTo(2), run.Error);
        Assert.That(run.Error.TrimEnd().Split('\n'), Has.Length.EqualTo(1));
        Assert.That(run.Error, Does.StartWith(id).And.Contain(expected));
    }

    private Cli Compile(string name, params string[] more) =>
        Cli.Run(["compile", "dlrm", "--preset", "tiny", "--batch", "64", "--target", "sn10", "-o", PathOf(name), "--json", .. more]);

    private string PathOf(string name) => Path.Combine(_folder, name);
}
