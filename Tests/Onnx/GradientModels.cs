using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;

namespace RduEmu.Tests.Onnx;

/// <summary>Models of one operator, with awkward extents: operators that the suite's cases leave out, or have without a gradient.</summary>
internal static class GradientModels
{
    /// <param name="OpType">The operator.</param>
    /// <param name="Model">The model.</param>
    /// <param name="Inputs">What it is differentiated at.</param>
    public sealed record GradientModel(string OpType, byte[] Model, Dictionary<string, HostTensor> Inputs);

    public static IEnumerable<GradientModel> All()
    {
        foreach (string op in new[] { "Abs", "Asin", "Asinh", "Elu", "Erf", "Relu", "Round", "Sinh", "Tanh", "HardSwish", "Mish", "Swish" })
        {
            yield return Of(op, 24, [("x", [3, 17])]);
        }

        foreach (string op in new[] { "Identity", "Dropout" })
        {
            // What only passes a value on is seen by what reads it.
            (string, int[])[] inputs = [("x", [3, 17])];
            yield return new GradientModel(op, Finished(new OnnxModels(14), inputs, model => model.Node(op, ["x"], "passed").Node("Sin", ["passed"], "result")), Draw(inputs, -0.9f));
        }

        yield return Of("Add", 14, [("x", [3, 7]), ("y", [7])]);
        yield return Of("Div", 14, [("x", [3, 7]), ("y", [3, 1])], least: 0.4f);
        yield return Of("Cast", 13, [("x", [3, 7])], [], Int("to", 1));
        yield return Of("CastLike", 15, [("x", [3, 7]), ("y", [1])]);
        yield return Of("CumSum", 14, [("x", [3, 7])], [Longs("axis", [1])], Int("exclusive", 1));
        yield return Of("CumProd", 26, [("x", [3, 7])], [Longs("axis", [1])], Int("reverse", 1));
        yield return Of("DepthToSpace", 13, [("x", [1, 4, 2, 3])], [], Int("blocksize", 2));
        yield return Of("Trilu", 14, [("x", [2, 3, 5])]);
        yield return Of("Tile", 13, [("x", [2, 3])], [Longs("repeats", [1, 3])]);
        yield return Of("TopK", 11, [("x", [2, 7])], [Longs("k", [3])]);
        yield return Of("GatherND", 13, [("x", [3, 2])], [Longs("at", [2, 0, -1], 3, 1)]);
        yield return Scatter();
        yield return Of("Einsum", 12, [("x", [2, 3, 5]), ("y", [2, 5, 7])], [], Text("equation", "bij,bjk->bki"));
        yield return Of("ReduceLogSumExp", 18, [("x", [2, 17, 3])], [Longs("axes", [1])]);
        yield return Of("GlobalLpPool", 2, [("x", [1, 2, 5, 3])], least: 0.1f);
        yield return Of("LRN", 13, [("x", [1, 5, 2, 3])], [], Int("size", 3));
        yield return Of("GroupNormalization", 21, [("x", [2, 4, 3]), ("scale", [4]), ("bias", [4])], [], Int("num_groups", 2));
        yield return Of("BatchNormalization", 15, [("x", [2, 3, 5]), ("scale", [3]), ("bias", [3]), ("mean", [3]), ("variance", [3])], least: 0.1f);
        yield return Of("STFT", 17, [("x", [1, 9, 1])], [Longs("step", [2]), Window(4), Longs("length", [4])]);
        yield return Of("LinearAttention", 27, [("q", [1, 3, 4]), ("k", [1, 3, 4]), ("v", [1, 3, 6])], [], Int("q_num_heads", 2), Int("kv_num_heads", 2), Text("update_rule", "linear"));
        yield return Of("RoiAlign", 16, [("x", [1, 2, 4, 5]), ("regions", [2, 4])], [Longs("batch", [0, 0])], Int("output_height", 2), Int("output_width", 2), Int("sampling_ratio", 2), Float("spatial_scale", 4f));
        yield return Of("DeformConv", 19, [("x", [1, 2, 4, 5]), ("w", [3, 2, 2, 2]), ("offset", [1, 8, 3, 4])]);
        yield return If();
    }

    private static GradientModel Of(string op, long opset, (string Name, int[] Shape)[] inputs, float least = -0.9f) => Of(op, opset, inputs, [], least);

    private static GradientModel Of(string op, long opset, (string Name, int[] Shape)[] inputs, (string Name, HostTensor Tensor)[] known, params AttributeProto[] attributes) =>
        Of(op, opset, inputs, known, -0.9f, attributes);

    private static GradientModel Of(
        string op, long opset, (string Name, int[] Shape)[] inputs, (string Name, HostTensor Tensor)[] known, float least, params AttributeProto[] attributes)
    {
        var model = new OnnxModels(opset);
        foreach ((string name, HostTensor tensor) in known)
        {
            model.Initializer(name, tensor);
        }

        return new GradientModel(
            op, Finished(model, inputs, model => model.Node(op, [.. inputs.Select(input => input.Name), .. known.Select(input => input.Name)], "result", attributes)), Draw(inputs, least));
    }

    private static GradientModel Scatter()
    {
        (string, int[])[] inputs = [("x", [3, 3]), ("updates", [2, 3])];
        OnnxModels model = new OnnxModels(9).Initializer("at", HostTensor.Create<long>([1, 0, 2, 0, 2, 1], 2, 3));
        return new GradientModel("Scatter", Finished(model, inputs, model => model.Node("Scatter", ["x", "at", "updates"], "result")), Draw(inputs, -0.9f));
    }

    /// <summary>A condition that is known: the branch is there, the other one not.</summary>
    private static GradientModel If()
    {
        AttributeProto Branch(string name, string op)
        {
            var graph = new GraphProto { Name = name };
            var node = new NodeProto { OpType = op };
            node.Inputs.Add("x");
            node.Outputs.Add(name);
            graph.Nodes.Add(node);
            graph.Outputs.Add(new ValueInfoProto { Name = name });
            return new AttributeProto { Name = name, Kind = AttributeKind.Graph, Graph = graph };
        }

        (string, int[])[] inputs = [("x", [3, 7])];
        OnnxModels model = new OnnxModels(16).Initializer("condition", HostTensor.Scalar(true));
        return new GradientModel("If", Finished(model, inputs, model => model.Node("If", ["condition"], "result", Branch("then_branch", "Sin"), Branch("else_branch", "Cos"))), Draw(inputs, -0.9f));
    }

    private static byte[] Finished(OnnxModels model, (string Name, int[] Shape)[] inputs, Func<OnnxModels, OnnxModels> nodes)
    {
        foreach ((string name, int[] shape) in inputs)
        {
            model.Input(name, TensorKind.Float32, [.. shape.Select(extent => (object)extent)]);
        }

        return nodes(model).Output("result").ToBytes();
    }

    private static Dictionary<string, HostTensor> Draw((string Name, int[] Shape)[] inputs, float least)
    {
        var random = new Random(11);
        return inputs.ToDictionary(input => input.Name, input => HostTensor.Create<float>(
            [.. Enumerable.Range(0, input.Shape.Aggregate(1, (count, extent) => count * extent)).Select(_ => least + ((0.9f - least) * random.NextSingle()))], input.Shape));
    }

    private static (string, HostTensor) Longs(string name, long[] values, params int[] shape) => (name, HostTensor.Create<long>(values, shape.Length == 0 ? [values.Length] : shape));

    private static (string, HostTensor) Window(int length) => ("window", HostTensor.Create<float>([.. Enumerable.Range(1, length).Select(i => 1f / i)], length));

    private static AttributeProto Int(string name, long value) => new() { Name = name, Kind = AttributeKind.Int, Int = value };

    private static AttributeProto Float(string name, float value) => new() { Name = name, Kind = AttributeKind.Float, Float = value };

    private static AttributeProto Text(string name, string value) => new() { Name = name, Kind = AttributeKind.String, Text = System.Text.Encoding.UTF8.GetBytes(value) };
}
