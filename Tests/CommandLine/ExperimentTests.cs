using System.Text;
using System.Text.Json;
using NUnit.Framework;

namespace RduEmu.Tests.CommandLine;

[TestFixture, NonParallelizable]
public sealed class ExperimentTests
{
    private static readonly byte[] PngSignature = [0x89, 0x50, 0x4E, 0x47];

    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    /// <summary>Ten tries: sums in RDU order never differ, racing threads always do.</summary>
    [Test]
    public void IndexAdd_RduOrderHasNoSpread_RacingThreadsDo()
    {
        for (int attempt = 0; attempt < 10; attempt++)
        {
            Cli result = Cli.Run("experiment", "index-add", "--json");
            JsonElement spread = result.Json.GetProperty("spread");

            Assert.That(result.Exit, Is.Zero, result.Error);
            Assert.That(spread.GetProperty("ordered").GetDouble(), Is.Zero);
            Assert.That(spread.GetProperty("racing").GetDouble(), Is.Positive);
            Assert.That(result.Json.GetProperty("runs")[0].GetProperty("racing").GetDouble(), Is.EqualTo(result.Json.GetProperty("runs")[0].GetProperty("ordered").GetDouble()).Within(1e-3).Percent);
        }
    }

    [TestCase("a.png")]
    [TestCase("a.svg")]
    public void Plots_AreWritten(string name)
    {
        string experiment = Path.Combine(_folder, $"x{name}");
        string training = Path.Combine(_folder, $"t{name}");
        Cli first = Cli.Run("experiment", "index-add", "--positions", "1000", "--plot", experiment);
        Cli second = Cli.Run("train", "dlrm", "--preset", "tiny", "--steps", "40", "--eval-every", "20", "--plot", training);

        Assert.That((first.Exit, second.Exit), Is.EqualTo((0, 0)), first.Error + second.Error);
        foreach (string path in new[] { experiment, training })
        {
            byte[] bytes = File.ReadAllBytes(path);
            bool isKind = name.EndsWith("png", StringComparison.Ordinal) ? bytes.AsSpan().StartsWith(PngSignature) : Encoding.UTF8.GetString(bytes).Contains("<svg", StringComparison.Ordinal);
            Assert.That(isKind, path);
        }
    }
}
