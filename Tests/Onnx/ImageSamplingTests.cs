using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;

namespace RduEmu.Tests.Onnx;

/// <summary>RoiAlign and DeformConv with all their attributes, against ONNX Runtime.</summary>
internal sealed class ImageSamplingTests
{
    /// <summary>Positions are rounded to 2^-24 of at most 16 pixels, neighbouring pixels differ by at most 4, and sums have fewer than 64 terms of at most 4.</summary>
    private const double Tolerance = 64 * 4 * 16 / 16777216.0;

    [Test]
    public void RoiAlign_IsThatOfOnnxRuntime(
        [Values("avg", "max")] string mode, [Values("half_pixel", "output_half_pixel")] string coordinates, [Values(1, 3)] int samples)
    {
        var random = new Random(5);

        // Inside, across the borders, far outside, empty, and turned round.
        float[] regions = [0f, 0f, 9f, 7f, -3f, -2f, 4.5f, 20f, 30f, 30f, 40f, 50f, 5f, 5f, 5f, 5f, 8f, 6f, 2f, 1f];
        var inputs = new Dictionary<string, HostTensor>
        {
            ["x"] = Random(random, 2, 3, 7, 10),
            ["r"] = HostTensor.Create<float>(regions, 5, 4),
            ["b"] = HostTensor.Create<long>([0, 1, 0, 1, 1], 5),
        };
        OnnxModels model = new OnnxModels(16).Input("x", TensorKind.Float32, 2, 3, 7, 10).Input("r", TensorKind.Float32, 5, 4).Input("b", TensorKind.Int64, 5)
            .Node("RoiAlign", ["x", "r", "b"], "y", Text("mode", mode), Text("coordinate_transformation_mode", coordinates), Int("output_height", 2), Int("output_width", 3),
                Int("sampling_ratio", samples), new AttributeProto { Name = "spatial_scale", Kind = AttributeKind.Float, Float = 0.75f });
        Compare(model, inputs, "d0", "d1", "d2", "d3");
    }

    [TestCase(1, 1, false)]
    [TestCase(2, 1, true)]
    [TestCase(2, 4, true)]
    public void DeformConv_IsThatOfOnnxRuntime(int groups, int offsetGroups, bool hasMask)
    {
        var random = new Random(6);
        const int rows = 4;
        const int columns = 5;
        var inputs = new Dictionary<string, HostTensor>
        {
            ["x"] = Random(random, 2, 4, 7, 6),
            ["w"] = Random(random, 6, 4 / groups, 3, 2),
            ["o"] = Random(random, 2, offsetGroups * 12, rows, columns),
            ["b"] = Random(random, 6),
        };
        OnnxModels model = new OnnxModels(19).Input("x", TensorKind.Float32, 2, 4, 7, 6).Input("w", TensorKind.Float32, 6, 4 / groups, 3, 2)
            .Input("o", TensorKind.Float32, 2, offsetGroups * 12, rows, columns).Input("b", TensorKind.Float32, 6);
        if (hasMask)
        {
            inputs["m"] = Random(random, 2, offsetGroups * 6, rows, columns);
            model.Input("m", TensorKind.Float32, 2, offsetGroups * 6, rows, columns);
        }

        model.Node("DeformConv", hasMask ? ["x", "w", "o", "b", "m"] : ["x", "w", "o", "b"], "y", Int("group", groups), Int("offset_group", offsetGroups),
            Ints("strides", 2, 1), Ints("dilations", 1, 2), Ints("pads", 1, 0, 1, 1), Ints("kernel_shape", 3, 2));
        Compare(model, inputs, "d0", "d1", "d2", "d3");
    }

    private static void Compare(OnnxModels model, Dictionary<string, HostTensor> inputs, params object[] dims)
    {
        model.Graph.Outputs.Add(OnnxModels.Describe("y", TensorKind.Float32, dims));
        byte[] bytes = model.ToBytes();
        double[] actual = RoundTrip.Reimported(bytes, inputs)[0].ToDoubles();
        if (RoundTrip.InOnnxRuntime(bytes, inputs) is not { } expected)
        {
            Assert.Ignore("ONNX Runtime does not implement it here");
            return;
        }

        double[] wanted = expected[0].ToDoubles();
        Assert.That(actual, Has.Length.EqualTo(wanted.Length));
        Assert.That(wanted.Any(element => element != 0));
        Assert.That(actual.Zip(wanted, (x, y) => Math.Abs(x - y)).Max(), Is.LessThan(Tolerance));
    }

    private static HostTensor Random(Random random, params int[] shape) =>
        HostTensor.Create<float>([.. Enumerable.Range(0, shape.Aggregate(1, (count, extent) => count * extent)).Select(_ => (random.NextSingle() * 4) - 2)], shape);

    private static AttributeProto Text(string name, string value) => new() { Name = name, Kind = AttributeKind.String, Text = System.Text.Encoding.UTF8.GetBytes(value) };

    private static AttributeProto Int(string name, long value) => new() { Name = name, Kind = AttributeKind.Int, Int = value };

    private static AttributeProto Ints(string name, params long[] values)
    {
        var attribute = new AttributeProto { Name = name, Kind = AttributeKind.Ints };
        attribute.Ints.AddRange(values);
        return attribute;
    }
}
