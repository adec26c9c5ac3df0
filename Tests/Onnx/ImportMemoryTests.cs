using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Onnx;

namespace RduEmu.Tests.Onnx;

/// <summary>Weights of several hundred MB are not held twice: not on their way from the file, and not in the arena.</summary>
internal sealed class ImportMemoryTests
{
    private const int Layers = 16;
    private const int Extent = 2048;
    private const long LayerBytes = (long)Extent * Extent * sizeof(float);
    private const long WeightBytes = Layers * LayerBytes;

    /// <summary>The message, the graph, the units, vectors of one sample, and a piece on its way: far below a layer.</summary>
    private const long OtherBytes = 8L << 20;

    private string _folder = string.Empty;

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("rduemu").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    /// <summary>
    /// Everything that is allocated while 256 MiB of weights are imported, compiled and loaded (so the most that is held at a time is no
    /// more), and the arena: the weights once, as they are packed, and a place that the largest passes through.
    /// </summary>
    [TestCase("host")]
    [TestCase("ilgpu")]
    public void Weights_AreHeldOnce(string device)
    {
        string path = Write();
        long before = GC.GetTotalAllocatedBytes(precise: true);
        OnnxModel model = OnnxFile.Open(path).Import(OnnxImportOptions.None);
        using var program = new OnnxProgram(model, new ExecutionTarget("host", 1));
        long allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        long arena = new ExecutionTarget(device, 1).Compile(model.Graph, packsOnWrite: true).ArenaBytes;
        TestContext.Out.WriteLine($"{WeightBytes >> 20} MiB of weights: {allocated >> 10} KiB allocated, an arena of {arena >> 10} KiB");
        Assert.That(allocated + arena, Is.LessThan(WeightBytes + LayerBytes + OtherBytes));

        var x = new float[Extent];
        (x[0], x[1]) = (3f, 5f);
        program.Write(program.Model.Inputs[0], HostTensor.Create<float>(x, 1, Extent));
        program.Run();
        float[] y = program.Read(program.Model.Outputs[0]).Span<float>().ToArray();
        Assert.That(y[0], Is.EqualTo(3f * (1 << Layers)), "each layer doubles the first element");
        Assert.That(y.Skip(1), Is.All.Zero);
    }

    /// <summary>The same bits as where every parameter is there as it was given.</summary>
    [Test]
    public void PackedOnly_HasTheSameBits()
    {
        var random = new Random(3);
        float[] weights = [.. Enumerable.Range(0, 33 * 17).Select(_ => random.NextSingle() - 0.5f)];
        OnnxModels made = new OnnxModels().Input("x", TensorKind.Float32, 5, 33)
            .Initializer("w", HostTensor.Create<float>(weights, 33, 17)).Node("MatMul", ["x", "w"], "p")
            .Initializer("v", HostTensor.Create<float>(weights.AsSpan(0, 17 * 33), 17, 33)).Node("MatMul", ["p", "v"], "q").Node("Add", ["q", "x"], "y").Output("y");
        OnnxModel model = made.Import();
        HostTensor x = HostTensor.Create<float>([.. Enumerable.Range(0, 5 * 33).Select(_ => random.NextSingle())], 5, 33);
        foreach (string device in new[] { "host", "ilgpu" })
        {
            var target = new ExecutionTarget(device, 1);
            using var packed = new OnnxProgram(model, target);
            Assert.That(packed.Program!.PackOnWrite, Has.Count.EqualTo(2), "both weights are packed only");
            packed.Write(packed.Model.Inputs[0], x);
            packed.Run();
            using Executor whole = target.Create(target.Compile(model.Graph));
            foreach ((ValueId id, HostTensor tensor) in model.Parameters)
            {
                whole.Write(id, tensor);
            }

            whole.Write(model.Inputs[0].Value!.Value, x);
            whole.Load();
            whole.Run();
            Assert.That(packed.Read(packed.Model.Outputs[0]).Bytes.ToArray(), Is.EqualTo(whole.Read(model.Outputs[0].Value!.Value).Bytes.ToArray()));
        }
    }

    /// <summary>Layers y = W x, W being all zeros but for a 2 in its first place; a file that is mostly a hole.</summary>
    private string Write()
    {
        string data = Path.Combine(_folder, "weights.bin");
        using (FileStream stream = File.Create(data))
        {
            stream.SetLength(WeightBytes);
            for (int layer = 0; layer < Layers; layer++)
            {
                stream.Position = layer * LayerBytes;
                stream.Write(BitConverter.GetBytes(2f));
            }
        }

        OnnxModels model = new OnnxModels().Input("x0", TensorKind.Float32, 1, Extent);
        for (int layer = 0; layer < Layers; layer++)
        {
            var tensor = new TensorProto { Name = $"w{layer}", Kind = TensorKind.Float32, Location = DataLocation.External };
            tensor.Dims.AddRange([Extent, Extent]);
            tensor.ExternalData.Add(new StringEntry { Key = "location", Value = "weights.bin" });
            tensor.ExternalData.Add(new StringEntry { Key = "offset", Value = $"{layer * LayerBytes}" });
            model.Initializer(tensor).Node("MatMul", [$"x{layer}", $"w{layer}"], $"x{layer + 1}");
        }

        string path = Path.Combine(_folder, "model.onnx");
        File.WriteAllBytes(path, model.Output($"x{Layers}").ToBytes());
        return path;
    }
}
