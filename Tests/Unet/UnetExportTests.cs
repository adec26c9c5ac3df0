using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Compiler.Operators;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;
using RduEmu.Tests.Emulator;

namespace RduEmu.Tests.Unet;

/// <summary>Exported UNets, and each operator over images, in ONNX Runtime.</summary>
[TestFixture]
public sealed class UnetExportTests
{
    /// <summary>
    /// Relative to the largest output: at most 23 convolutions one after the other, of at most 9 · 128 terms each whose roundings add up like
    /// the root of their number, 34, here and there, and a factor of 4 for normalisations.
    /// </summary>
    private const double Tolerance = 2 * 23 * 34 * 4 * 5.96e-8;

    /// <summary>The same of networks with 64 features: up to 9 · 1024 terms, whose root is 96.</summary>
    private const double WholeTolerance = Tolerance * 96 / 34;

    [Test]
    public void EveryPreset_PredictsInOnnxRuntimeAsOnTheHost([ValueSource(typeof(UnetPresets), nameof(UnetPresets.All))] UnetConfiguration preset)
    {
        UnetConfiguration configuration = preset with { Features = 4 };
        int extent = configuration.IsPadded ? 48 : 188;
        ModelGraph model = UnetGraph.BuildInference(configuration, 2, extent, extent);

        Compare(model.Graph, "image", [2, extent, extent, configuration.Channels]);
    }

    /// <summary>The published networks whole.</summary>
    [Test, Category("Slow"), Explicit("a minute or two, and a gigabyte: networks of up to 31 million parameters")]
    public void EveryPresetWhole_PredictsInOnnxRuntimeAsOnTheHost([ValueSource(typeof(UnetPresets), nameof(UnetPresets.All))] UnetConfiguration preset)
    {
        int extent = preset.IsPadded ? 64 : 188;
        ModelGraph model = UnetGraph.BuildInference(preset, 1, extent, extent);

        Compare(model.Graph, "image", [1, extent, extent, preset.Channels], WholeTolerance);
    }

    private static IEnumerable<TestCaseData> Operators()
    {
        yield return Case("strided and dilated", new ImageConvolution(new ConvolutionWindow(2, 1, 1, 2, 1, 2, 0, 3)), [5, 3, 2, 6]);
        yield return Case("grouped", new ImageConvolution(ConvolutionWindow.Same(3), Groups: 2), [4, 3, 3, 3]);
        yield return Case("transposed", new ImageConvolutionTransposed(new ConvolutionWindow(2, 3, 1, 1, 1, 0, 0, 1), 20, 33), [6, 3, 4, 5]);
        yield return Case("pool", new MaxPool(new ConvolutionWindow(2, 1, 1, 1, 1, 0, 0, 1), 3, 2), null);
        yield return Case("nearest", new Resample(ResampleKind.Nearest, 3), null);
        yield return Case("bilinear", new Resample(ResampleKind.Bilinear, 2), null);
        yield return Case("bilinear, aligned", new Resample(ResampleKind.BilinearAligned, 2), null);
        yield return Case("mean", new Resample(ResampleKind.Mean, 2), null);
        yield return Case("crop", new Resample(ResampleKind.Crop, 2, 3), null);

        static TestCaseData Case(string name, Operator op, int[]? filter) => new TestCaseData(op, filter).SetName($"{{m}}({name})");
    }

    [TestCaseSource(nameof(Operators))]
    public void AnOperator_ComputesWhatOnnxRuntimeDoes(Operator op, int[]? filter)
    {
        var builder = new GraphBuilder();
        ValueId image = builder.Input("image", TensorType.Samples(2, 10, 11, 6));
        ValueId y = filter is null
            ? builder.Apply(op, image)
            : builder.Apply(op, image, builder.Parameter("filter", TensorType.Whole(filter)));

        Compare(builder.Build(y), "image", [2, 10, 11, 6]);
    }

    private static void Compare(Graph graph, string input, int[] shape, double tolerance = Tolerance)
    {
        Dictionary<string, float[]> given = SmallUnet.Given(graph);
        float[] expected = GraphRun.OnHostOnly(graph, given, 1)["output 0"];
        using var stream = new MemoryStream();
        OnnxExporter.Write(graph, id => given[graph[id].Name], stream);
        using var session = new InferenceSession(stream.ToArray());
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs =
            session.Run([NamedOnnxValue.CreateFromTensor(input, new DenseTensor<float>(given[input], shape))]);
        float[] actual = [.. outputs[0].AsEnumerable<float>()];

        double scale = Math.Max(1, expected.Max(Math.Abs));
        Assert.That(outputs[0].AsTensor<float>().Dimensions.ToArray(), Is.EqualTo(graph[graph.Outputs[0]].Type.Shape.ToArray()));
        Assert.That(actual, Is.EqualTo(expected).AsCollection.Within(tolerance * scale));
        Assert.That(expected.Max() - expected.Min(), Is.GreaterThan(20 * tolerance * scale), "outputs must differ by more than the tolerance");
    }
}
