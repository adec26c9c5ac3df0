using System.Runtime.InteropServices;
using ProtoBuf;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Perf.Workloads;

namespace RduEmu.Perf.Peers;

/// <summary>
/// A square convolution of square images on both sides, each in the layout that it likes: channels last here, first in ONNX Runtime,
/// which blocks them itself.
/// </summary>
internal sealed record PeerConvolution(int Batch, int Extent, int Channels, int Results, int Kernel, int Stride = 1)
{
    /// <summary>UNet's levels (32 and 64 features, 256 pixels), ResNet-50's, pointwise, strided, first layers.</summary>
    public static IReadOnlyList<PeerConvolution> Shapes { get; } =
    [
        new(1, 256, 3, 32, 3), new(1, 256, 32, 32, 3), new(1, 128, 32, 64, 3), new(1, 128, 64, 64, 3), new(1, 64, 128, 128, 3), new(1, 32, 256, 256, 3),
        new(1, 16, 512, 512, 3), new(1, 256, 64, 32, 3), new(1, 256, 64, 64, 3), new(1, 32, 512, 512, 3), new(4, 64, 128, 128, 3),
        new(1, 224, 3, 64, 7, 2), new(1, 56, 64, 64, 3), new(1, 56, 64, 256, 1), new(1, 56, 256, 64, 1), new(1, 56, 256, 512, 1, 2), new(1, 28, 128, 128, 3),
        new(1, 14, 256, 256, 3), new(1, 7, 512, 512, 3), new(1, 14, 1024, 256, 1),
    ];

    private int Padding => (Kernel - 1) / 2;

    private int ResultExtent => (Extent + 2 * Padding - Kernel) / Stride + 1;

    public override string ToString() => $"{Batch}x{Extent}²x{Channels}>{Results}:{Kernel}/{Stride}";

    public PeerPair Create(int threads)
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(Batch, Extent, Extent, Channels));
        ValueId w = builder.Parameter("w", TensorType.Whole(Results, Kernel, Kernel, Channels));
        var window = new ConvolutionWindow(Stride, Stride, 1, 1, Padding, Padding, Padding, Padding);
        Graph graph = builder.Build(builder.Apply(new ImageConvolution(window), x, w));
        GraphWorkload workload = GraphWorkload.Drawn(graph);
        HostExecutor ours = workload.OnHost(threads);
        float[] image = ChannelsFirst((float[])workload.Inputs[0].Elements, Batch, Extent * Extent, Channels);
        var peer = new OnnxRuntimePeer(
            ToOnnx(ChannelsFirst(workload.ParameterOf(w), Results, Kernel * Kernel, Channels)), Batch,
            [new PeerInput("x", image, [Batch, Channels, Extent, Extent])], [Batch, Results, ResultExtent, ResultExtent], threads);
        int depth = Channels * Kernel * Kernel;
        return new PeerPair(ours, peer, () =>
        {
            var results = new float[Batch * ResultExtent * ResultExtent * Results];
            ours.Read(graph.Outputs[0], results);

            // As for a product of this depth.
            PeerResults.MustAgree(
                ChannelsFirst(results, Batch, ResultExtent * ResultExtent, Results), peer.Output, 2 * depth * Math.Sqrt(depth) / (1 << 24));
        });
    }

    /// <summary>[count, pixels, channels] as [count, channels, pixels].</summary>
    private static float[] ChannelsFirst(float[] elements, int count, int pixels, int channels)
    {
        var turned = new float[elements.Length];
        for (int i = 0; i < count; i++)
        {
            for (int pixel = 0; pixel < pixels; pixel++)
            {
                for (int channel = 0; channel < channels; channel++)
                {
                    turned[(i * channels + channel) * pixels + pixel] = elements[(i * pixels + pixel) * channels + channel];
                }
            }
        }

        return turned;
    }

    private byte[] ToOnnx(float[] filter)
    {
        var weights = new TensorProto { Name = "w", Kind = TensorKind.Float32, RawData = MemoryMarshal.AsBytes<float>(filter).ToArray() };
        weights.Dims.AddRange([Results, Channels, Kernel, Kernel]);
        var node = new NodeProto { OpType = "Conv", Inputs = { "x", "w" }, Outputs = { "y" } };
        node.Attributes.Add(Integers("strides", Stride, Stride));
        node.Attributes.Add(Integers("pads", Padding, Padding, Padding, Padding));
        var graph = new GraphProto { Name = "convolution", Nodes = { node }, Initializers = { weights } };
        graph.Inputs.Add(Image("x", Channels, Extent));
        graph.Outputs.Add(Image("y", Results, ResultExtent));
        var model = new ModelProto { IrVersion = 8, Graph = graph, OpsetImports = { new OperatorSetId { Version = 17 } } };
        using var stream = new MemoryStream();
        Serializer.Serialize(stream, model);
        return stream.ToArray();
    }

    private ValueInfoProto Image(string name, int channels, int extent)
    {
        var shape = new TensorShapeProto();
        shape.Dimensions.AddRange(new[] { Batch, channels, extent, extent }.Select(value => new DimensionProto { Value = value }));
        return new ValueInfoProto { Name = name, Type = new TypeProto { Tensor = new TensorTypeProto { Kind = TensorKind.Float32, Shape = shape } } };
    }

    private static AttributeProto Integers(string name, params ReadOnlySpan<long> values)
    {
        var attribute = new AttributeProto { Name = name, Kind = AttributeKind.Ints };
        attribute.Ints.AddRange(values);
        return attribute;
    }
}
