using System.Globalization;
using NUnit.Framework;
using RduEmu.Emulator.Validation;
using RduEmu.Kernels.Errors;

namespace RduEmu.Tests.Machine;

[TestFixture]
public sealed class ValidationTests
{
    private const string Good =
        """
        schema: rdu-cases/1
        cases:
          - name: mine
            model: gemm
            dimensions: { m: 4096, n: 4096, k: 4096 }
            target: sn10
            quantity: teraflops
            value: 100
            source: a measurement of mine
        """;

    /// <summary>Rows that are timed in a second or two; the slow test below has all.</summary>
    private static readonly string[] Quick = ["gpt2-1600-1-o3", "gpt2-1600-1-o0", "dlrm-bandwidth"];

    [Test]
    public void Document_IsWhatTheQuickRowsSay()
    {
        string document = File.ReadAllText(DocumentPath());
        var validator = new Validator();
        CaseResult[] results = [.. CaseFile.Published().Where(item => Quick.Contains(item.Name)).Select(item => validator.Run(item, CancellationToken.None))];

        Assert.That(results, Has.Length.EqualTo(7));
        foreach (CaseResult result in results)
        {
            Assert.That(document, Does.Contain($"| {result.Case.Name} | ").And.Contain(ValidationDocument.Row(result)));
        }
    }

    [Test]
    public void Document_BeginsAsTheCodeSays() => Assert.That(File.ReadAllText(DocumentPath()), Does.StartWith(ValidationDocument.Head + "- all rows"));

    /// <summary>The verdict follows from the rows, and every case has its row.</summary>
    [Test]
    public void Document_AddsUp()
    {
        string[] lines = File.ReadAllLines(DocumentPath());
        string[][] rows = [.. lines.Where(line => line.EndsWith("% |", StringComparison.Ordinal)).Select(line => line.Split(" | "))];
        double[] errors = [.. rows.Select(row => Math.Abs(double.Parse(row[6].TrimEnd('|', ' ', '%'), CultureInfo.InvariantCulture))).Order()];
        IReadOnlyList<ValidationCase> cases = CaseFile.Published();

        Assert.That(rows.Select(row => (row[0][2..], row[3])), Is.EqualTo(cases.Select(item => (item.Name, item.Quantity))).AsCollection);
        double median = (errors[(errors.Length - 1) / 2] + errors[errors.Length / 2]) / 2;
        string verdict = lines.First(line => line.StartsWith("- all rows", StringComparison.Ordinal));
        Assert.That(double.Parse(verdict.Split("error ")[1].Split('%')[0], CultureInfo.InvariantCulture), Is.EqualTo(median).Within(0.06));
        Assert.That(median, Is.LessThanOrEqualTo(20));
    }

    [Test, Explicit("two minutes of processor time"), Category("Slow")]
    public void Document_IsWhatAllRowsSay()
    {
        var validator = new Validator();
        CaseResult[] results = [.. CaseFile.Published().Select(item => validator.Run(item, CancellationToken.None))];

        Assert.That(File.ReadAllBytes(DocumentPath()), Is.EqualTo(ValidationDocument.Write(results)).AsCollection);
    }

    [Test]
    public void CaseOfTheUser_IsTimed()
    {
        CaseResult result = new Validator().Run(CaseFile.Parse(Good, "mine.yaml")[0], CancellationToken.None);

        Assert.That(result.Modelled, Is.InRange(1.0, 327.68));
        Assert.That(result.RelativeError, Is.EqualTo((result.Modelled - 100) / 100));
    }

    [TestCase("schema: rdu-cases/1", "schema: other", "schema")]
    [TestCase("model: gemm", "model: resnet", "case mine")]
    [TestCase("k: 4096", "k: 0", "dimensions.k")]
    [TestCase(", k: 4096", "", "dimensions.k")]
    [TestCase("k: 4096", "k: 4096, depth: 3", "dimensions.depth")]
    [TestCase("k: 4096", "k: many", "line 5")]
    [TestCase("value: 100", "value: -1", "value")]
    [TestCase("value: 100", "", "value")]
    [TestCase("quantity: teraflops", "quantity: latencySeconds", "quantity")]
    [TestCase("source: a measurement of mine", "", "source")]
    [TestCase("target: sn10", "target: sn10\n    colour: red", "line")]
    [TestCase("target: sn10", "target: sn10\n    tiles: 9", "tiles")]
    public void DamagedCase_IsNamed(string part, string by, string where)
    {
        RduException error = Assert.Throws<RduException>(() => CaseFile.Parse(Good.Replace(part, by, StringComparison.Ordinal), "mine.yaml"))!;

        Assert.That(error.Message, Does.StartWith("RDU0603").And.Contain("mine.yaml").And.Contain(where).And.Not.Contain("\n"));
    }

    private static string DocumentPath()
    {
        string folder = TestContext.CurrentContext.TestDirectory;
        while (!File.Exists(Path.Combine(folder, "RduEmu.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return Path.Combine(folder, "docs", "validation.md");
    }
}
