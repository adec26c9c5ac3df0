using NUnit.Framework;

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
    public void Compile_UnknownTarget_Refused() => AssertOneLine(
        Cli.Run("compile", "dlrm", "--preset", "tiny", "--target", "sn99", "-o", PathOf("a.rdux")), "RDU0202", "sn99");

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
