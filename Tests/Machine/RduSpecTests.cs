using System.Text;
using System.Text.Json.Nodes;
using NUnit.Framework;
using RduEmu.Emulator.Machine.Spec;
using RduEmu.Kernels.Errors;

namespace RduEmu.Tests.Machine;

[TestFixture]
public sealed class RduSpecTests
{
    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private static IEnumerable<string> Parts => RduParts.Names;

    private static IEnumerable<string> Paths => SpecSchema.Fields.Select(number => number.Path);

    [TestCaseSource(nameof(Parts))]
    public void EveryNumber_HasASource(string part)
    {
        RduSpec spec = RduParts.Find(part);

        Assert.That(spec.Name, Is.EqualTo(part));
        Assert.That(spec.Sources.Count, Is.EqualTo(SpecSchema.Fields.Count(field => spec.Hbm is not null || field.Group != SpecSchema.OptionalGroup)));
        Assert.That(spec.Sources.Values, Has.All.StartsWith("http").Or.StartsWith("inferred: "));
    }

    /// <summary>The published peaks: 12.3, above 300, 688 and 638 TFLOPS; 320, 640 and 520 MB on the chip.</summary>
    [TestCase("plasticine", 12.288e12, 16)]
    [TestCase("sn10", 327.68e12, 320)]
    [TestCase("sn30", 688.128e12, 640)]
    [TestCase("sn40l", 638.976e12, 520)]
    public void Peak_IsThePublishedOne(string part, double operationsPerSecond, long mebibytes)
    {
        RduSpec spec = RduParts.Find(part);

        Assert.That(spec.PeakOperationsPerSecond, Is.EqualTo(operationsPerSecond));
        Assert.That(spec.SramBytes.Count >> 20, Is.EqualTo(mebibytes));
    }

    [TestCaseSource(nameof(Paths))]
    public void MissingNumber_IsNamed(string path) => MustFail(path, (group, name) => group.Remove(name));

    [TestCaseSource(nameof(Paths))]
    public void NegativeNumber_IsNamed(string path) => MustFail(path, (group, name) => group[name]!["value"] = -1);

    [TestCaseSource(nameof(Paths))]
    public void NumberWithoutSource_IsNamed(string path) => MustFail(path, (group, name) => group[name]!["source"] = string.Empty);

    [Test]
    public void FractionsTextsAndSourcesThatAreNone_AreNamed()
    {
        MustFail("pcu.lanes", (group, name) => group[name]!["value"] = 1.5);
        MustFail("pcu.lanes", (group, name) => group[name]!["value"] = "16");
        MustFail("pcu.lanes", (group, name) => group[name] = 16);
        MustFail("pcu.lanes", (group, name) => group[name]!["value"] = 1L << 50);
        MustFail("pcu.lanes", (group, name) => group[name]!["source"] = "somebody said so");
        MustFail("pcu.lines", (group, name) => group[name] = new JsonObject { ["value"] = 1, ["source"] = "inferred: no" });
        MustFail("memory.efficiencyPercent", (group, name) => group[name]!["value"] = 101);
        MustFail("chip.gridRows", (group, name) => group[name]!["value"] = 15);
    }

    [TestCase("{")]
    [TestCase("[]")]
    [TestCase("{\"schema\": \"rdu-spec/2\"}")]
    public void FileThatIsNoDescription_IsOneLine(string content)
    {
        RduException error = Assert.Throws<RduException>(() => RduSpecReader.Read(Encoding.UTF8.GetBytes(content), "my.json"))!;

        Assert.That(error.Message, Does.StartWith("RDU0601").And.Contain("my.json").And.Not.Contain("\n"));
    }

    [Test]
    public void DescriptionOfTheUser_IsFoundByPath()
    {
        JsonNode root = Part("sn10");
        root["name"] = "mine";
        root["pcu"]!["lanes"]!["value"] = 32;
        string path = Path.Combine(_folder, "mine.json");
        File.WriteAllText(path, root.ToJsonString());

        Assert.That(RduParts.Find(path).Pcu.Lanes, Is.EqualTo(32));
        Assert.That(() => RduParts.Find(Path.Combine(_folder, "none.json")), Throws.TypeOf<RduException>().With.Message.StartsWith("RDU0101"));
        Assert.That(() => RduParts.Find("sn99"), Throws.TypeOf<RduException>().With.Message.StartsWith("RDU0202"));
    }

    /// <summary>docs/machine.md lists every field as it is.</summary>
    [Test]
    public void Schema_IsDocumented()
    {
        string folder = TestContext.CurrentContext.TestDirectory;
        while (!File.Exists(Path.Combine(folder, "RduEmu.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        string[] lines = [.. File.ReadAllLines(Path.Combine(folder, "docs", "machine.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal) && line.Contains('.') && !line.Contains(".csv") && !line.Contains(".json") && !line.Contains(".html"))];

        Assert.That(lines, Is.EqualTo(SpecSchema.Fields.Select(number => $"| `{number.Path}` | {number.Minimum} | {number.Meaning} |")).AsCollection);
    }

    private static JsonNode Part(string name)
    {
        using Stream stream = typeof(RduParts).Assembly.GetManifestResourceStream($"{name}.json")!;
        return JsonNode.Parse(stream)!;
    }

    private static void MustFail(string path, Action<JsonObject, string> damage)
    {
        string[] names = path.Split('.');
        JsonNode root = Part("sn40l");
        damage((JsonObject)root[names[0]]!, names[1]);
        RduException error = Assert.Throws<RduException>(() => RduSpecReader.Read(Encoding.UTF8.GetBytes(root.ToJsonString()), "my.json"), path)!;

        Assert.That(error.Message, Does.StartWith("RDU0601").And.Contain($"my.json, {path}").And.Not.Contain("\n"));
    }
}
