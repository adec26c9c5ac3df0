using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;
using RduEmu.Emulator.Receipts;

namespace RduEmu.Tests.CommandLine;

/// <summary>A true receipt is accepted on any device; what was tampered with is rejected, with the reason.</summary>
[TestFixture, NonParallelizable]
public sealed class ReceiptTests
{
    private static readonly string[] Training = ["train", "dlrm", "--preset", "ml100k", "--batch", "32", "--steps", "40", "--threads", "1"];

    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void TrueReceipt_IsAccepted()
    {
        string path = Write("a", Training);
        Cli verified = Cli.Run("verify", path, "--threads", "2", "--json");

        Assert.That(verified.Exit, Is.Zero, verified.Error + verified.Out);
        Assert.That(verified.Json.GetProperty("passed").GetBoolean());
        Assert.That(verified.Json.GetProperty("verdict").GetString(), Is.EqualTo("accepted"));
        Assert.That(Read(path)["stepDigests"]!.AsArray(), Has.Count.EqualTo(20));
        Assert.That(Cli.Run("verify", Write("b", ["run", "dlrm", "--preset", "tiny", "--steps", "3"])).Exit, Is.Zero);
        Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(2));
    }

    [Test]
    public void TrueReceipt_IsAccepted_OnTheSimulator() =>
        Assert.That(Cli.Run("verify", Write("a", ["train", "dlrm", "--preset", "tiny", "--steps", "5"]), "--device", "ilgpu").Exit, Is.Zero);

    [Test]
    public void AlteredReceipt_IsRejected()
    {
        string path = Write("a", Training);
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"steps\": 40", "\"steps\": 41", StringComparison.Ordinal));

        MustReject(path, "receipt");
    }

    /// <summary>A forger can renew the seal, but not the run: each claim is found to be false, at the right place.</summary>
    [TestCase("computation", "the parameters between step 22 and step 24")]
    [TestCase("computation", "loss of step 7")]
    [TestCase("code", "code")]
    [TestCase("seed", "options.seed")]
    [TestCase("data", "dataDigest")]
    public void ForgedReceipt_IsRejected(string kind, string where)
    {
        string path = Write("a", Training);
        Forge(path, receipt =>
        {
            switch (where)
            {
                case "code":
                    receipt["code"] = "0.0.1";
                    break;
                case "options.seed":
                    receipt["options"]!["seed"] = 2;
                    break;
                case "dataDigest":
                    receipt["dataDigest"] = "sha256:0";
                    break;
                case "loss of step 7":
                    receipt["losses"]![7] = 0.5;
                    break;
                default:
                    foreach (JsonNode? digest in receipt["stepDigests"]!.AsArray().Skip(11))
                    {
                        digest!["digest"] = "sha256:0";
                    }

                    break;
            }
        });

        JsonElement reason = MustReject(path, kind);
        Assert.That(reason.GetProperty("where").GetString(), Is.EqualTo(where));
    }

    [Test]
    public void TamperedData_AreRejected()
    {
        string data = Path.Combine(_folder, "clicks.txt");
        string[] lines = [.. Enumerable.Range(0, 40).Select(i => string.Join('\t', Enumerable.Repeat($"{i % 2}", 14).Concat(Enumerable.Repeat($"{i:x}", 26))))];
        File.WriteAllLines(data, lines);
        string path = Write("a", ["train", "dlrm", "--data", data, "--table-rows-cap", "50", "--batch", "4", "--steps", "5"]);
        lines[3] = lines[3].Replace("\t3\t", "\t4\t", StringComparison.Ordinal);
        File.WriteAllLines(data, lines);

        Assert.That(MustReject(path, "data").GetProperty("where").GetString(), Is.EqualTo("the samples between the beginning and step 1"));
    }

    /// <summary>A receipt with sections: what was forged from step 23 on is found by halving, in its section, on whatever device.</summary>
    [TestCase("host", "o3", true)]
    [TestCase("host", "o0", false)]
    [TestCase("ilgpu", "o3", true)]
    public void Bisection_NamesStepAndSection(string device, string mode, bool bisects)
    {
        const int bad = 23;
        string path = Write("a", ["train", "dlrm", "--preset", "tiny", "--steps", "40", "--threads", "1", "--mode", mode, "--receipt-sections"]);
        string[] verify = ["verify", path, "--device", device, "--threads", "2", "--json", .. bisects ? ["--bisect"] : Array.Empty<string>()];
        Cli accepted = Cli.Run(verify);
        Assert.That((accepted.Exit, accepted.Json.GetProperty("stepsRepeated").GetInt32()), Is.EqualTo((0, 40)), accepted.Error + accepted.Out);

        string section = string.Empty;
        Forge(path, receipt =>
        {
            JsonArray sections = receipt["trace"]!["sections"]!.AsArray();
            section = $"{sections[^1]}";
            for (int step = bad; step < 40; step++)
            {
                string[] digests = $"{receipt["trace"]!["steps"]![step]}".Split(' ');
                Assert.That(digests, Has.Length.EqualTo(sections.Count));
                digests[^1] = "0123456789abcdef";
                receipt["trace"]!["steps"]![step] = string.Join(' ', digests);
            }

            foreach (JsonNode? digest in receipt["stepDigests"]!.AsArray().Where(digest => (int)digest!["step"]! > bad))
            {
                digest!["digest"] = "sha256:0";
            }
        });
        Cli rejected = Cli.Run(verify);
        JsonElement reason = rejected.Json.GetProperty("reason");

        Assert.That(rejected.Exit, Is.EqualTo(1));
        Assert.That((reason.GetProperty("kind").GetString(), reason.GetProperty("where").GetString()), Is.EqualTo(("computation", $"step {bad}, section {section}")));
        Assert.That(rejected.Json.GetProperty("stepsRepeated").GetInt32(), Is.EqualTo(bisects ? 24 : 40));
    }

    [Test]
    public void SectionsOfParts_AreRefused() =>
        Assert.That(Cli.Run("train", "dlrm", "--preset", "tiny", "--steps", "2", "--sockets", "2", "--receipt-sections", "--receipt", Path.Combine(_folder, "a.json")).Error, Does.StartWith("RDU0201"));

    /// <summary>
    /// Another processor, as far as one machine can be it: the run's instructions are taken away, first AVX-512 and AVX2, then all
    /// that .NET knows; vectors of 512 bits are then made of smaller ones, or of single floats.
    /// </summary>
    [TestCase("DOTNET_EnableAVX512", "0")]
    [TestCase("DOTNET_EnableAVX2", "0")]
    [TestCase("DOTNET_EnableHWIntrinsic", "0")]
    public void TrueReceipt_IsAccepted_WithoutTheInstructions(string variable, string value)
    {
        string path = Write("a", ["train", "dlrm", "--preset", "tiny", "--steps", "20", "--receipt-sections"]);
        string program = Path.Combine(TestContext.CurrentContext.TestDirectory, "rduemu.dll");
        var start = new ProcessStartInfo("dotnet", [program, "verify", path, "--threads", "2", "--json"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[variable] = value;
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string written = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        Assert.That(process.ExitCode, Is.Zero, errors.Result + written);
        Assert.That(JsonNode.Parse(written)!["verdict"]!.ToString(), Is.EqualTo("accepted"));
    }

    [Test]
    public void Diff_SaysWhatDiffersFirst()
    {
        string a = Write("a", Training);
        string same = Write("b", [.. Training, "--mode", "o0"]);
        string seed = Write("c", [.. Training, "--seed", "2"]);
        string rate = Write("d", [.. Training, "--learning-rate", "0.5"]);

        Assert.That(Cli.Run("diff", a, same).Exit, Is.Zero);
        Assert.That(Cli.Run("diff", a, seed, "--json").Json.GetProperty("first").GetProperty("kind").GetString(), Is.EqualTo("seed"));
        Assert.That(Cli.Run("diff", a, rate).Out, Does.Contain("options, options.learningRate"));
        Assert.That(Cli.Run("diff", a, rate).Exit, Is.EqualTo(1));
    }

    [TestCase("{}")]
    [TestCase("[1")]
    public void FileThatIsNoReceipt_IsRefused(string text)
    {
        string path = Path.Combine(_folder, "a.json");
        File.WriteAllText(path, text);
        Cli result = Cli.Run("verify", path);

        Assert.That((result.Exit, result.Error[..7]), Is.EqualTo((2, "RDU0701")));
        Assert.That(Cli.Run("diff", path, path).Error, Does.StartWith("RDU0701"));
        Assert.That(Cli.Run("verify", Path.Combine(_folder, "none")).Error, Does.StartWith("RDU0101"));
    }

    private static JsonObject Read(string path) => JsonNode.Parse(File.ReadAllText(path))!.AsObject();

    private static JsonElement MustReject(string path, string kind)
    {
        Cli result = Cli.Run("verify", path, "--json");
        Assert.That(result.Exit, Is.EqualTo(1), result.Error + result.Out);
        Assert.That(result.Json.GetProperty("verdict").GetString(), Is.EqualTo("rejected"));
        Assert.That(result.Json.GetProperty("reason").GetProperty("kind").GetString(), Is.EqualTo(kind));
        return result.Json.GetProperty("reason");
    }

    private static void Forge(string path, Action<JsonObject> change)
    {
        JsonObject receipt = Read(path);
        change(receipt);
        ReceiptFile.Seal(receipt);
        File.WriteAllText(path, receipt.ToJsonString());
    }

    private string Write(string name, string[] arguments)
    {
        string path = Path.Combine(_folder, $"{name}.json");
        Cli result = Cli.Run([.. arguments, "--receipt", path]);
        Assert.That(result.Exit, Is.Zero, result.Error);
        return path;
    }
}
