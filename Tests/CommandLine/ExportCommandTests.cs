using Microsoft.ML.OnnxRuntime;
using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;

namespace RduEmu.Tests.CommandLine;

/// <summary><c>rduemu export</c> as its user: models, ONNX files and index notation, with weights inside and beside.</summary>
[TestFixture, NonParallelizable]
public sealed class ExportCommandTests
{
    private string _folder = string.Empty;

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-export").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase("dlrm", "--preset", "tiny")]
    [TestCase("bert", "--preset", "tiny", "--vocabulary", "200")]
    [TestCase("unet", "--preset", "sn10", "--features", "2", "--image", "16")]
    public void AModel_IsReadByOnnxRuntime(params string[] model)
    {
        string file = Path.Combine(_folder, "m.onnx");
        Cli export = Cli.Run(["export", .. model, "--batch", "2", "-o", file, "--json"]);
        Assert.That(export.Exit, Is.Zero, export.Error);
        Assert.That(export.Json.GetProperty("weightBytes").GetInt64(), Is.Positive);

        using var session = new InferenceSession(file);
        Assert.That(session.OutputNames, Is.Not.Empty);
        Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(1), "nothing else is left");
    }

    /// <summary>Weights of a training reach the file, and are found beside it as inside: the same tensors.</summary>
    [Test]
    public void Weights_AreThoseOfTheCheckpoint_InsideAndBeside()
    {
        string checkpoint = Path.Combine(_folder, "checkpoints");
        string[] tiny = ["--preset", "kaggle", "--table-rows-cap", "50", "--batch", "8"];
        Assert.That(Cli.Run(["train", "dlrm", .. tiny, "--steps", "3", "--checkpoint", checkpoint, "--checkpoint-every", "3", "--json"]).Exit, Is.Zero);
        string weights = Directory.GetFiles(checkpoint, "*.safetensors").Single();
        string first = Path.Combine(_folder, "first.onnx");
        string inside = Path.Combine(_folder, "inside.onnx");
        string beside = Path.Combine(_folder, "beside.onnx");
        Assert.That(Cli.Run(["export", "dlrm", .. tiny, "-o", first, "--json"]).Exit, Is.Zero);
        Assert.That(Cli.Run(["export", "dlrm", .. tiny, "--weights", weights, "-o", inside, "--json"]).Exit, Is.Zero);
        Cli external = Cli.Run(["export", "dlrm", .. tiny, "--weights", weights, "-o", beside, "--external-data", "--json"]);
        Assert.That(external.Exit, Is.Zero, external.Error);
        Assert.That(external.Json.GetProperty("externalData").GetString(), Is.EqualTo($"{beside}.data"));
        Assert.That(new FileInfo(beside).Length, Is.LessThan(new FileInfo(inside).Length / 4));

        byte[] Tensors(string file)
        {
            OnnxFile model = OnnxFile.Open(file);
            var shapes = new Dictionary<string, int[]>();
            foreach (OnnxInput input in model.Inputs)
            {
                shapes[input.Name] = [.. input.Dimensions!.Select(extent => int.TryParse(extent, out int number) ? number : 2)];
            }

            OnnxModel imported = model.ImportFor(new Dictionary<string, HostTensor>(), shapes);
            return [.. imported.Graph.Values.Where(value => imported.Parameters.ContainsKey(value.Id)).OrderBy(value => value.Name, StringComparer.Ordinal).SelectMany(value => imported.Parameters[value.Id].Bytes.ToArray())];
        }

        Assert.That(Tensors(beside), Is.EqualTo(Tensors(inside)).AsCollection);
        Assert.That(Tensors(inside), Is.Not.EqualTo(Tensors(first)).AsCollection);
        using var session = new InferenceSession(beside);
        Assert.That(session.OutputNames, Is.Not.Empty);
    }

    /// <summary>An ONNX file that was exported comes back with the same outputs, and so does what is exported of that.</summary>
    [Test]
    public void AnOnnxFile_AndNotation_ComeBack()
    {
        string notation = Path.Combine(_folder, "layer.txt");
        File.WriteAllText(notation, "input x[9, 20]\nparameter w[17, 20]\nparameter t[5, 17]\ninput idx[9, 3] int32\ny[b,i] = relu(sum(k) x[b,k] * w[i,k]) + (mean(h) t[idx[b,h], i])\n");
        string once = Path.Combine(_folder, "once.onnx");
        string twice = Path.Combine(_folder, "twice.onnx");
        Cli export = Cli.Run("export", "notation", notation, "-o", once, "--json");
        Assert.That(export.Exit, Is.Zero, export.Error);
        Cli again = Cli.Run("export", once, "-o", twice, "--json");
        Assert.That(again.Exit, Is.Zero, again.Error);

        string Digest(string file)
        {
            Cli run = Cli.Run("run", file, "--steps", "1", "--json");
            Assert.That(run.Exit, Is.Zero, run.Error);
            return run.Json.GetProperty("outputsDigest").GetString()!;
        }

        Assert.That(Digest(twice), Is.EqualTo(Digest(once)));
        using var session = new InferenceSession(twice);
        Assert.That(session.InputNames, Is.EquivalentTo(["x", "idx"]));
    }

    [Test]
    public void Errors_AreOneLine()
    {
        Cli none = Cli.Run("export", "dlrm", "--preset", "tiny");
        Assert.That(none.Exit, Is.EqualTo(2));
        Cli folder = Cli.Run("export", "dlrm", "--preset", "tiny", "-o", Path.Combine(_folder, "missing", "m.onnx"));
        Assert.That(folder.Exit, Is.EqualTo(2), folder.Error);
        Assert.That(folder.Error.TrimEnd().Split('\n'), Has.Length.EqualTo(1).And.All.Contain("RDU0501"));
        Cli model = Cli.Run("export", "nothing", "-o", Path.Combine(_folder, "m.onnx"));
        Assert.That(model.Exit, Is.EqualTo(2));
        Assert.That(model.Error, Does.Contain("dlrm"));
        Assert.That(Directory.GetFiles(_folder), Is.Empty);
    }
}
