using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Emulator.Onnx;
using RduEmu.Tests.CommandLine;

namespace RduEmu.Tests.Onnx;

/// <summary><c>rduemu run file.onnx</c> as its user, and the files that go in and out.</summary>
internal sealed class OnnxRunCommandTests
{
    private static readonly double[] Sums = [11, 22, 33];

    private string _folder = string.Empty;

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("rduemu").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void ArraysInAndOut()
    {
        string model = Save(new OnnxModels().Input("x", TensorKind.Float32, "n").Input("y", TensorKind.Float32, "n").Node("Add", ["x", "y"], "z").Output("z"));
        File.WriteAllBytes(At("x.npy"), NumpyFile.ToBytes(HostTensor.Create<float>([1, 2, 3], 3)));
        File.WriteAllBytes(At("y.pb"), OnnxFile.ToBytes(HostTensor.Create<float>([10, 20, 30], 3), "y"));
        Cli cli = Cli.Run("run", model, "--input", $"x={At("x.npy")}", $"y={At("y.pb")}", "--output", At("out.npz"), "--steps", "2", "--json");
        Assert.That(cli.Exit, Is.Zero, cli.Error);
        Assert.That(cli.Json.GetProperty("batch").GetInt32(), Is.EqualTo(3));
        Assert.That(NumpyFile.ReadArchive(At("out.npz"))["z"].ToDoubles(), Is.EqualTo(Sums));
        Cli again = Cli.Run("run", model, "--input", $"x={At("x.npy")}", $"y={At("y.pb")}", "--device", "ilgpu", "--steps", "1", "--json");
        Assert.That(again.Json.GetProperty("outputsDigest").GetString(), Is.EqualTo(cli.Json.GetProperty("outputsDigest").GetString()));
    }

    [Test]
    public void DrawnInputs_AreTheSameForTheSameSeed()
    {
        string model = Save(OnnxModels.OfOne("Softmax"));
        string first = Cli.Run("run", model, "--steps", "1", "--json").Json.GetProperty("outputsDigest").GetString()!;
        Assert.That(Cli.Run("run", model, "--steps", "1", "--json").Json.GetProperty("outputsDigest").GetString(), Is.EqualTo(first));
        Assert.That(Cli.Run("run", model, "--steps", "1", "--seed", "2", "--json").Json.GetProperty("outputsDigest").GetString(), Is.Not.EqualTo(first));
    }

    [TestCase("--shape", "x=2,4", "RDU0425")]
    [TestCase("--shape", "x=2,b", "RDU0201")]
    [TestCase("--shape", "unknown=2,3", "RDU0202")]
    [TestCase("--input", "x=missing.npy", "RDU0101")]
    [TestCase("--input", "x=model.txt", "RDU0201")]
    [TestCase("--input", "unknown=x.npy", "RDU0202")]
    [TestCase("--device", "nothing", "RDU0301")]
    public void BadOptions_AreOneLine(string option, string value, string id)
    {
        Cli cli = Cli.Run("run", Save(OnnxModels.OfOne("Relu")), option, value);
        Assert.That(cli.Exit, Is.EqualTo(2));
        Assert.That(cli.Error.Trim(), Does.StartWith(id).And.Not.Contain('\n'));
    }

    [Test]
    public void EveryTypeOfNumpy_ComesBack()
    {
        foreach (ElementType element in ElementTypes.All.Where(element => element != ElementType.BFloat16 && !element.IsNarrow()))
        {
            HostTensor tensor = OnnxInputs.Draw(TensorType.Whole(element, 2, 3), seed: 1, 0);
            File.WriteAllBytes(At("t.npy"), NumpyFile.ToBytes(tensor));
            HostTensor read = NumpyFile.Read(At("t.npy"));
            Assert.That(read.Type, Is.EqualTo(tensor.Type));
            Assert.That(read.Bytes.ToArray(), Is.EqualTo(tensor.Bytes.ToArray()), $"{element}");
        }
    }

    [TestCase(0)]
    [TestCase(9)]
    [TestCase(40)]
    [TestCase(-1)]
    public void CutArrays_AreRefused(int bytes)
    {
        byte[] whole = NumpyFile.ToBytes(HostTensor.Create<float>([1, 2, 3], 3));
        File.WriteAllBytes(At("cut.npy"), bytes < 0 ? whole[..^1] : whole[..bytes]);
        Cli cli = Cli.Run("run", Save(OnnxModels.OfOne("Relu")), "--input", $"x={At("cut.npy")}");
        Assert.That(cli.Exit, Is.EqualTo(2));
        Assert.That(cli.Error, Does.StartWith("RDU0123"));
    }

    private string At(string name) => Path.Combine(_folder, name);

    private string Save(OnnxModels models)
    {
        File.WriteAllBytes(At("model.onnx"), models.ToBytes());
        return At("model.onnx");
    }
}
