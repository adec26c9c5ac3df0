using Microsoft.ML.OnnxRuntime;
using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Onnx;

namespace RduEmu.Tests.Onnx;

/// <summary>Exported networks against recorded outputs, and against ONNX Runtime on drawn inputs.</summary>
internal sealed class RealModelTests
{
    private static readonly ExecutionTarget Host = new("host", 2);

    [TestCase("misc/mnist.onnx", "")]
    [TestCase("misc/layernorm.onnx", "X=7,33 Scale=33 B=33")]
    [TestCase("misc/test_training_model.onnx", "")]
    [TestCase("misc/bert_toy_optimized.onnx", "input_ids=2,16 token_type_ids=2,16 input_mask=2,16")]
    [TestCase("unet/unet.onnx", "input=1,1,224,224")]
    public void DrawnInputs_AsInOnnxRuntime(string name, string shapes)
    {
        string path = RealData.Require(["onnx", "models", .. name.Split('/')]);
        OnnxFile file = OnnxFile.Open(path);
        Dictionary<string, int[]> bound = OnnxInputs.Shapes(file, shapes.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        OnnxModel open = file.ImportFor(new Dictionary<string, HostTensor>(), bound);
        var given = new Dictionary<string, HostTensor>();
        for (int i = 0; i < open.Inputs.Count; i++)
        {
            given.Add(open.Inputs[i].Name, OnnxInputs.Draw(open.Inputs[i].Type, seed: 3, i));
        }

        SameAsOnnxRuntime(path, given, Run(open, given));
    }

    /// <summary>Of opset 1, which ONNX Runtime no longer reads: it gets the same model with its biases and shapes as later opsets want them.</summary>
    [Test]
    public void SuperResolution_AsInOnnxRuntime()
    {
        string path = RealData.Require("onnx", "models", "misc", "super_resolution.onnx");
        OnnxModel model = OnnxFile.Open(path).ImportFor(new Dictionary<string, HostTensor>());
        var given = new Dictionary<string, HostTensor> { [model.Inputs[0].Name] = OnnxInputs.Draw(model.Inputs[0].Type, seed: 3, 0) };
        string modern = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(modern, Modernized(path));
            SameAsOnnxRuntime(modern, given, Run(model, given));
        }
        finally
        {
            File.Delete(modern);
        }
    }

    /// <summary>Its embedding bags are loops over the offsets: those are compiled in, the trip count is the batch.</summary>
    [Test]
    public void Dlrm_AsInOnnxRuntime()
    {
        string path = RealData.Require("onnx", "models", "dlrm", "dlrm_s_pytorch.onnx");
        OnnxFile file = OnnxFile.Open(path);
        var given = new Dictionary<string, HostTensor>
        {
            ["dense_x"] = HostTensor.Create<float>([0.1f, 0.9f, 0.3f, 0.5f, 0.7f, 0.2f, 0.8f, 0.4f], 2, 4),
            ["offsets"] = HostTensor.Create<long>([0, 1, 0, 1, 0, 1], 3, 2),
            ["indices_0"] = HostTensor.Create<long>([3, 1], 2),
            ["indices_1"] = HostTensor.Create<long>([0, 2], 2),
            ["indices_2"] = HostTensor.Create<long>([1, 0], 2),
        };
        OnnxModel model = file.ImportFor(given);
        Assert.That(model.Inputs.Where(input => input.Known is not null).Select(input => input.Name), Is.EqualTo(["offsets"]), "compiled in");
        SameAsOnnxRuntime(path, given, Run(model, given));
    }

    [TestCase(0)]
    [TestCase(1)]
    public void Bert_AsRecorded(int which)
    {
        string folder = RealData.Require("onnx", "models", "bert", "bert_squad_pytorch1.4_opset11");
        string data = Path.Combine(folder, "test_data_set_0");
        OnnxFile file = OnnxFile.Open(Path.Combine(folder, $"BertForQuestionAnswering_{which}.onnx"));
        Dictionary<string, HostTensor> given = file.Inputs.Select((input, i) => (input.Name, OnnxFile.ReadTensor(Path.Combine(data, $"input_{i}.pb"))))
            .ToDictionary(pair => pair.Name, pair => pair.Item2);
        HostTensor[] outputs = Run(file.ImportFor(given), given);
        for (int i = 0; i < outputs.Length; i++)
        {
            HostTensor recorded = OnnxFile.ReadTensor(Path.Combine(data, $"output_{i}.pb"));
            Assert.That(Difference(outputs[i], recorded), Is.LessThan(ErrorOf(recorded)), $"output {i}");
        }
    }

    /// <summary>The trained U-Net on its 20 pressure images: the distance to the target images is the training's, not ours.</summary>
    [Test]
    public void Unet_ReproducesItsTargets()
    {
        string folder = RealData.Require("onnx", "models", "unet");
        OnnxFile file = OnnxFile.Open(Path.Combine(folder, "unet.onnx"));
        using var program = new OnnxProgram(file.ImportFor(new Dictionary<string, HostTensor>(), new Dictionary<string, int[]> { ["input"] = [1, 1, 224, 224] }), Host);
        double sum = 0;
        string[] inputs = Directory.GetFiles(Path.Combine(folder, "resources", "input"), "*.png");
        foreach (string input in inputs)
        {
            float[] pixels = [.. GrayImage.Read(input).Pixels.Select(pixel => pixel / 255f)];
            byte[] target = GrayImage.Read(input.Replace($"{Path.DirectorySeparatorChar}input{Path.DirectorySeparatorChar}", $"{Path.DirectorySeparatorChar}target{Path.DirectorySeparatorChar}", StringComparison.Ordinal)).Pixels;
            program.Write(program.Model.Inputs[0], HostTensor.Create<float>(pixels, 1, 1, 224, 224));
            program.Run();
            double[] output = program.Read(program.Model.Outputs[0]).ToDoubles();
            sum += output.Zip(target, (y, t) => Math.Abs(y - t / 255.0)).Average();
        }

        double error = sum / inputs.Length;
        TestContext.Out.WriteLine($"mean absolute error over {inputs.Length} images: {error:F5} of the range");
        Assert.That(inputs, Has.Length.EqualTo(20));
        Assert.That(error, Is.LessThan(0.02));
    }

    private static byte[] Modernized(string path)
    {
        ModelProto model = OnnxReader.ReadModel(path);
        model.IrVersion = 8;
        model.OpsetImports.Add(new OperatorSetId { Version = 13 });
        model.Graph.Inputs.RemoveAll(input => model.Graph.Initializers.Exists(initializer => initializer.Name == input.Name));
        foreach (NodeProto node in model.Graph.Nodes)
        {
            // The first models did not say of which kind an attribute is.
            node.Attributes.ForEach(attribute => attribute.Kind = attribute.Ints.Count > 0 ? AttributeKind.Ints : attribute.Int is null ? AttributeKind.String : AttributeKind.Int);
            if (node.OpType == "Add" && model.Graph.Initializers.Find(initializer => initializer.Name == node.Inputs[1]) is { } bias)
            {
                bias.Dims.AddRange([1, 1]);
                node.Attributes.Clear();
            }
            else if (node.OpType == "Reshape")
            {
                long[] shape = [.. node.Attributes[0].Ints];
                var proto = new TensorProto { Name = $"{node.Outputs[0]}.shape", Kind = TensorKind.Int64, RawData = HostTensor.Integers(shape).Bytes.ToArray() };
                proto.Dims.Add(shape.Length);
                model.Graph.Initializers.Add(proto);
                node.Inputs.Add(proto.Name);
                node.Attributes.Clear();
            }
            else
            {
                node.Attributes.RemoveAll(attribute => attribute.Name == "consumed_inputs");
            }
        }

        using var stream = new MemoryStream();
        ProtoBuf.Serializer.Serialize(stream, model);
        return stream.ToArray();
    }

    private static HostTensor[] Run(OnnxModel model, Dictionary<string, HostTensor> given)
    {
        using var program = new OnnxProgram(model, Host);
        foreach (OnnxPort input in model.Inputs)
        {
            program.Write(input, given[input.Name]);
        }

        program.Run();
        return [.. model.Outputs.Select(program.Read)];
    }

    private static void SameAsOnnxRuntime(string path, Dictionary<string, HostTensor> given, HostTensor[] outputs)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(path, options);
        Dictionary<string, OrtValue> inputs = given.ToDictionary(pair => pair.Key, pair => ToOrt(pair.Value));
        using var run = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(run, inputs, session.OutputNames);
        for (int i = 0; i < outputs.Length; i++)
        {
            HostTensor expected = HostTensor.Create(results[i].GetTensorDataAsSpan<float>(), [.. results[i].GetTensorTypeAndShape().Shape.Select(extent => (int)extent)]);
            Assert.That(outputs[i].Type, Is.EqualTo(expected.Type));
            Assert.That(Difference(outputs[i], expected), Is.LessThan(ErrorOf(expected)), session.OutputNames[i]);
        }
    }

    private static OrtValue ToOrt(HostTensor tensor)
    {
        long[] shape = [.. tensor.Shape.Select(extent => (long)extent)];
        return tensor.Element == ElementType.Int64
            ? OrtValue.CreateTensorValueFromMemory(tensor.Span<long>().ToArray(), shape)
            : OrtValue.CreateTensorValueFromMemory(tensor.Span<float>().ToArray(), shape);
    }

    /// <summary>Sums of a few thousand terms in another order: some 2^-24 times their root, of the largest element.</summary>
    private static double ErrorOf(HostTensor expected) => 1e-5 * Math.Max(1e-3, expected.ToDoubles().Max(Math.Abs));

    private static double Difference(HostTensor a, HostTensor b) => a.ToDoubles().Zip(b.ToDoubles(), (x, y) => Math.Abs(x - y)).Append(0).Max();
}
