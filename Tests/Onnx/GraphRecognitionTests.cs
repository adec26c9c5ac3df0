using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Onnx;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Onnx;
using RduEmu.Models.Bert;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Unet;

namespace RduEmu.Tests.Onnx;

/// <summary>
/// Imported graphs become those of built-in models: by structure, with the values of the graph as it was imported, and with the same bits
/// however they are run.
/// </summary>
internal sealed class GraphRecognitionTests
{
    private const int Batch = 3;
    private const int Tokens = 5;
    private const int Width = 8;

    /// <summary>Sums of at most some 1000 terms in another order, each erring by half a unit in the last place of values of at most 8.</summary>
    private const double Tolerance = 8.0 * 1000 / (1 << 24);

    private static readonly Dictionary<string, Func<OnnxModels>> Written = new()
    {
        ["gelu: x/2 * (1 + erf(x / 1.414))"] = () => Tensors()
            .Node("Div", ["x", "root"], "a").Node("Erf", ["a"], "b").Node("Add", ["b", "one"], "c").Node("Mul", ["x", "half"], "d").Node("Mul", ["d", "c"], "y"),
        ["gelu: (x * (erf(0.707 * x) + 1)) * 0.5"] = () => Tensors()
            .Node("Mul", ["inverse", "x"], "a").Node("Erf", ["a"], "b").Node("Add", ["one", "b"], "c").Node("Mul", ["x", "c"], "d").Node("Mul", ["d", "half"], "y"),
        ["gelu: x * (0.5 * (1 + erf))"] = () => Tensors()
            .Node("Mul", ["x", "inverse"], "a").Node("Erf", ["a"], "b").Node("Add", ["one", "b"], "c").Node("Mul", ["half", "c"], "d").Node("Mul", ["x", "d"], "y"),
        ["norm: pow, gamma, beta"] = () => Norm("Pow").Node("Sqrt", ["e"], "f").Node("Div", ["b", "f"], "g").Node("Mul", ["g", "row"], "h").Node("Add", ["h", "row2"], "y"),
        ["norm: product, reciprocal, beta first"] = () =>
            Norm("Mul").Node("Sqrt", ["e"], "f").Node("Reciprocal", ["f"], "r").Node("Mul", ["b", "r"], "g").Node("Mul", ["row", "g"], "h").Node("Add", ["row2", "h"], "y"),
        ["norm: no beta"] = () => Norm("Mul").Node("Sqrt", ["e"], "f").Node("Div", ["b", "f"], "g").Node("Mul", ["g", "row"], "y"),
        ["norm: bare"] = () => Norm("Mul").Node("Sqrt", ["e"], "f").Node("Div", ["b", "f"], "y"),
        ["softmax"] = () => Tensors().Node("Softmax", ["x"], "y", Int("axis", -1)),
        ["linear: weight, bias, relu"] = () => Tensors().Node("MatMul", ["x", "square"], "a").Node("Add", ["row", "a"], "b").Node("Relu", ["b"], "y"),
        ["linear: turned weight"] = () => Tensors().Node("Transpose", ["square"], "w", Ints("perm", 1, 0)).Node("MatMul", ["x", "w"], "y"),
        ["linear: rows of samples"] = () => Tensors()
            .Node("Reshape", ["x", "flat"], "a").Node("MatMul", ["a", "square"], "b").Node("Add", ["b", "row"], "c").Node("Reshape", ["c", "shape"], "y"),
        ["token: the first"] = () => Tensors().Node("MatMul", ["x", "square"], "a").Node("Gather", ["a", "zero"], "y", Int("axis", 1)),
    };

    private static readonly Dictionary<string, Type> Expected = new()
    {
        ["gelu"] = typeof(Gelu),
        ["norm"] = typeof(LayerNorm),
        ["softmax"] = typeof(Softmax),
        ["token"] = typeof(FirstRow),
    };

    private static IEnumerable<string> Names => Written.Keys;

    [TestCaseSource(nameof(Names))]
    public void WrittenOut(string name)
    {
        OnnxModels models = Written[name]().Output("y");
        OnnxModel recognized = Check(models.ToBytes());
        if (Expected.TryGetValue(name.Split(':')[0], out Type? op))
        {
            Assert.That(recognized.Graph.Nodes.Count(node => node.Operator.GetType() == op), Is.EqualTo(1), recognized.Graph.ToString());
        }

        if (name.StartsWith("linear", StringComparison.Ordinal) || name.StartsWith("token", StringComparison.Ordinal))
        {
            Assert.That(recognized.Graph.Nodes.Count(node => node.Operator.PackedInput is not null), Is.EqualTo(1), "a packed weight");
            Assert.That(recognized.Graph.Nodes.Any(node => node.Operator is MatMul), Is.False);
        }
    }

    /// <summary>With a scale before or after q is turned, the keys turned in two ways, and a mask.</summary>
    [TestCase(true, true)]
    [TestCase(false, true)]
    [TestCase(true, false)]
    public void Attention(bool scalesQueries, bool hasMask)
    {
        OnnxModels models = Tensors().Input("m", TensorKind.Float32, Batch, 1, 1, Tokens).Initializer("heads", HostTensor.Integers(0, 0, 2, 4));
        foreach (string part in new[] { "q", "k", "v" })
        {
            models.Node("MatMul", ["x", "square"], $"{part}1").Node("Add", [$"{part}1", "row"], $"{part}2").Node("Reshape", [$"{part}2", "heads"], $"{part}3");
            models.Node("Transpose", [$"{part}3"], part, Ints("perm", part == "k" && hasMask ? [0, 2, 3, 1] : [0, 2, 1, 3]));
        }

        models.Node(hasMask ? "Identity" : "Transpose", ["k"], "kt", hasMask ? [] : [Ints("perm", 0, 1, 3, 2)]);
        models.Node(scalesQueries ? "Mul" : "Identity", scalesQueries ? ["q", "half"] : ["q"], "qs").Node("MatMul", ["qs", "kt"], "s1");
        models.Node(scalesQueries ? "Identity" : "Div", scalesQueries ? ["s1"] : ["s1", "root"], "s2");
        models.Node(hasMask ? "Add" : "Identity", hasMask ? ["s2", "m"] : ["s2"], "s3").Node("Softmax", ["s3"], "p", Int("axis", -1));
        models.Node("MatMul", ["p", "v"], "c1").Node("Transpose", ["c1"], "c2", Ints("perm", 0, 2, 1, 3)).Node("Reshape", ["c2", "shape"], "y").Output("y");
        OnnxModel recognized = Check(models.ToBytes());
        Assert.That(recognized.Graph.Nodes.Count(node => node.Operator is HeadMatMul), Is.EqualTo(2), recognized.Graph.ToString());
        Assert.That(recognized.Graph.Nodes.Count(node => node.Operator is Softmax), Is.EqualTo(1));
        Assert.That(Sections(recognized), Is.EqualTo(1));
    }

    /// <summary>Strides, padding of one side, groups; batch norm behind it; a pool; a transposed convolution that leaves rows out; a join.</summary>
    [Test]
    public void Images()
    {
        float[] Ramp(int count) => [.. Enumerable.Range(0, count).Select(i => (i * 37 % 23 - 11) / 23f)];
        OnnxModels models = new OnnxModels().Input("x", TensorKind.Float32, Batch, 4, 9, 7)
            .Initializer("w", HostTensor.Create<float>(Ramp(6 * 2 * 9), 6, 2, 3, 3)).Initializer("b", HostTensor.Create<float>(Ramp(6), 6))
            .Initializer("v", HostTensor.Create<float>(Ramp(6 * 5 * 6), 6, 5, 2, 3)).Initializer("one", HostTensor.Create<float>([1, 2, 3, 4, 5, 6], 6))
            .Node("Conv", ["x", "w", "b"], "a", Ints("strides", 2, 1), Ints("pads", 1, 0, 0, 1), Int("group", 2))
            .Node("BatchNormalization", ["a", "one", "b", "b", "one"], "c").Node("Relu", ["c"], "d")
            .Node("MaxPool", ["d"], "e", Ints("kernel_shape", 2, 2), Ints("strides", 2, 2), Ints("pads", 0, 0, 0, 1))
            .Node("ConvTranspose", ["e", "v"], "f", Ints("strides", 2, 2), Ints("pads", 0, 1, 0, 1))
            .Node("Concat", ["e", "e"], "y", Int("axis", 1)).Output("y").Output("f").Output("d");
        OnnxModel recognized = Check(models.ToBytes());
        Assert.That(recognized.Graph.Nodes.Select(node => node.Operator.GetType()), Is.SupersetOf(
            [typeof(ImageConvolution), typeof(MaxPool), typeof(ImageConvolutionTransposed)]), recognized.Graph.ToString());
        Assert.That(recognized.Graph.Nodes.Any(node => node.Operator is Convolution or WindowReduce), Is.False);
    }

    [Test]
    public void EmbeddingIndices_NegativeAndOutside_AsBefore()
    {
        OnnxModels models = new OnnxModels().Input("i", TensorKind.Int64, Batch, 2).Initializer("t", HostTensor.Create<float>([1, 2, 3, 4, 5, 6, 7, 8], 4, 2))
            .Node("Gather", ["t", "i"], "r").Node("ReduceSum", ["r", "axes"], "y", Int("keepdims", 0)).Output("y").Output("r").Initializer("axes", HostTensor.Integers(1));
        var given = new Dictionary<string, HostTensor> { ["i"] = HostTensor.Create<long>([0, -1, 3, -4, 1, 1], Batch, 2) };
        OnnxModel recognized = Check(models.ToBytes(), given);
        Assert.That(recognized.Graph.Nodes.Count(node => node.Operator is EmbeddingBag), Is.EqualTo(1), recognized.Graph.ToString());
        Assert.That(recognized.Graph.Nodes.Count(node => node.Operator is TokenEmbedding), Is.EqualTo(1));
    }

    [Test]
    public void ExportedModels_AreOneSection([Values("dlrm", "bert", "unet")] string name, [Values(1, 2)] int batch)
    {
        Graph graph = name switch
        {
            "dlrm" => DlrmGraph.BuildInference(DlrmPresets.Tiny with { Hotness = 1 }, batch).Graph,
            "bert" => BertGraph.BuildInference(BertConfiguration.Tiny with { Vocabulary = 50 }, BertHead.None, batch, 7).Graph,
            _ => UnetGraph.BuildInference(UnetPresets.Milesial with { Features = 2 }, batch, 32, 32).Graph,
        };
        var random = new Random(batch);
        using var stream = new MemoryStream();
        OnnxExporter.Write(graph, id => [.. Enumerable.Range(0, (int)graph[id].Type.CountElements).Select(_ => random.NextSingle() * 0.5f)], stream);
        OnnxFile file = OnnxFile.Read(new MemoryStream(stream.ToArray()), name);
        var shapes = file.Inputs.ToDictionary(
            input => input.Name, input => input.Dimensions!.Select(dimension => int.TryParse(dimension, out int extent) ? extent : batch).ToArray());
        OnnxModel recognized = Check(stream.ToArray(), shapes: shapes, isSmall: false);
        Assert.That(Sections(recognized), Is.EqualTo(1));
        Assert.That(recognized.Graph.Nodes.Where(node => node.Operator is MatMul or Convolution or WindowReduce or Reduce), Is.Empty, recognized.Graph.ToString());
    }

    /// <summary>PyTorch's DLRM: a loop over the bags of each table.</summary>
    [Test]
    public void LoopsOfBags_BecomeBags()
    {
        OnnxFile file = OnnxFile.Open(RealData.Require("onnx", "models", "dlrm", "dlrm_s_pytorch.onnx"));
        var given = new Dictionary<string, HostTensor>
        {
            ["dense_x"] = HostTensor.Create<float>([0.1f, 0.9f, 0.3f, 0.5f, 0.7f, 0.2f, 0.8f, 0.4f], 2, 4),
            ["offsets"] = HostTensor.Create<long>([0, 2, 0, 1, 0, 0], 3, 2),
            ["indices_0"] = HostTensor.Create<long>([3, 1, 0], 3),
            ["indices_1"] = HostTensor.Create<long>([0, 2], 2),
            ["indices_2"] = HostTensor.Create<long>([1, 0], 2),
        };
        OnnxModel recognized = file.ImportFor(given);
        TestContext.Out.WriteLine(recognized.Graph.ToString());
        Assert.That(recognized.Graph.Nodes.Count(node => node.Operator is EmbeddingBag), Is.EqualTo(3));
        Same(Run(file.ImportFor(given, recognizes: false), given, new ExecutionTarget("host", 1)), Run(recognized, given, new ExecutionTarget("host", 1)));
    }

    private static OnnxModels Tensors() => new OnnxModels().Input("x", TensorKind.Float32, Batch, Tokens, Width)
        .Initializer("one", HostTensor.Scalar(1f)).Initializer("half", HostTensor.Scalar(0.5f)).Initializer("root", HostTensor.Scalar(MathF.Sqrt(2)))
        .Initializer("inverse", HostTensor.Scalar(MathF.Sqrt(0.5f))).Initializer("two", HostTensor.Scalar(2f)).Initializer("epsilon", HostTensor.Scalar(1e-5f))
        .Initializer("row", HostTensor.Create<float>([1, 2, 3, 4, 5, 6, 7, 8], Width)).Initializer("row2", HostTensor.Create<float>([8, 7, 6, 5, 4, 3, 2, 1], Width))
        .Initializer("square", HostTensor.Create<float>([.. Enumerable.Range(0, Width * Width).Select(i => (i * 29 % 17 - 8) / 8f)], Width, Width))
        .Initializer("flat", HostTensor.Integers(Batch * Tokens, Width)).Initializer("shape", HostTensor.Integers(Batch, Tokens, Width)).Initializer("zero", HostTensor.Scalar(0L))
        .Initializer("last", HostTensor.Integers(-1));

    private static OnnxModels Norm(string square) => Tensors().Node("ReduceMean", ["x", "last"], "a").Node("Sub", ["x", "a"], "b")
        .Node(square, ["b", square == "Pow" ? "two" : "b"], "c").Node("ReduceMean", ["c", "last"], "d").Node("Add", ["d", "epsilon"], "e");

    private static AttributeProto Int(string name, long value) => new() { Name = name, Kind = AttributeKind.Int, Int = value };

    private static AttributeProto Ints(string name, params long[] values)
    {
        var attribute = new AttributeProto { Name = name, Kind = AttributeKind.Ints };
        attribute.Ints.AddRange(values);
        return attribute;
    }

    private static int Sections(OnnxModel model) => GraphCompiler.Compile(model.Graph, new CompileOptions()).Step.Length;

    /// <summary>The values are those of the plain graph; the bits are the same for every mode and number of threads, and of small models on the simulator.</summary>
    private static OnnxModel Check(byte[] bytes, Dictionary<string, HostTensor>? inputs = null, Dictionary<string, int[]>? shapes = null, bool isSmall = true)
    {
        OnnxFile file = OnnxFile.Read(new MemoryStream(bytes), "test.onnx");
        OnnxModel plain = file.ImportFor(inputs ?? [], shapes, recognizes: false);
        OnnxModel recognized = file.ImportFor(inputs ?? [], shapes);
        Dictionary<string, HostTensor> given = inputs ?? plain.Inputs.Select((input, i) => (input.Name, OnnxInputs.Draw(input.Type, 5, i))).ToDictionary(pair => pair.Name, pair => pair.Item2);
        HostTensor[] actual = Run(recognized, given, new ExecutionTarget("host", 1));
        Same(Run(plain, given, new ExecutionTarget("host", 1)), actual);
        foreach (ExecutionTarget target in new[]
        {
            new ExecutionTarget("host", 2), new ExecutionTarget("host", 2, CompileMode.O0), new ExecutionTarget("host", 1, CompileMode.O1, TileSamples: 1),
            new ExecutionTarget(isSmall ? "ilgpu" : "host", 1),
        })
        {
            HostTensor[] other = Run(recognized, given, target);
            for (int i = 0; i < actual.Length; i++)
            {
                Assert.That(other[i].Bytes.SequenceEqual(actual[i].Bytes), Is.True, $"bits of output {i} on {target}");
            }
        }

        return recognized;
    }

    private static HostTensor[] Run(OnnxModel model, Dictionary<string, HostTensor> given, ExecutionTarget target)
    {
        using var program = new OnnxProgram(model, target);
        foreach (OnnxPort input in model.Inputs)
        {
            program.Write(input, given[input.Name]);
        }

        program.Run();
        return [.. model.Outputs.Select(program.Read)];
    }

    private static void Same(HostTensor[] expected, HostTensor[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(actual[i].Type, Is.EqualTo(expected[i].Type));
            double[] values = expected[i].ToDoubles();
            double most = Math.Max(1, values.Max(Math.Abs));
            Assert.That(actual[i].ToDoubles(), Is.EqualTo(values).AsCollection.Within(Tolerance * most), $"output {i}");
        }
    }
}
