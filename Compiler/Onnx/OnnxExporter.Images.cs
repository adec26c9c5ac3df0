using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx;

/// <summary>The operators over images. ONNX has channels before rows and columns: images are turned where they come in and go out.</summary>
/// <remarks>
/// ImageConvolution --> Conv; ImageConvolutionTransposed --> ConvTranspose; MaxPool --> MaxPool;
/// Resample --> Resize, AveragePool or Slice; ReciprocalDeviation and BatchNormalize --> BatchNormalization; Concat, Relu, Sigmoid, Add and Mul
/// as they are.
/// </remarks>
public sealed partial class OnnxExporter
{
    private readonly Dictionary<ValueId, string> _images = [];

    /// <returns>False if the node is not one over images.</returns>
    private bool TryExportImage(Node node)
    {
        if (node.Operator is ReciprocalDeviation)
        {
            // BatchNormalization takes the variance itself.
            return _graph.Nodes.All(reader => !reader.Inputs.Contains(node.Output) || reader.Operator is BatchNormalize { OfBatch: false });
        }

        if (_graph[node.Output].Type is not { Rank: 4, HasSamples: true })
        {
            return false;
        }

        switch (node.Operator)
        {
            case ImageConvolution convolution:
                ExportConvolution(node, convolution);
                return true;
            case ImageConvolutionTransposed convolution:
                ExportTransposed(node, convolution);
                return true;
            case AddBias:
                EmitImage("Add", node, [Image(node.Inputs[0]), Channels(node.Inputs[1])]);
                return true;
            case MaxPool pool:
                EmitImage("MaxPool", node, [Image(node.Inputs[0])], [Attribute("kernel_shape", pool.TapRows, pool.TapColumns), .. WindowAttributes(pool.Window)]);
                return true;
            case Resample resample:
                ExportResample(node, resample);
                return true;
            case BatchNormalize { OfBatch: false }:
                ExportNormalization(node);
                return true;
            case Concat:
                EmitImage("Concat", node, [.. node.Inputs.Select(Image)], Attribute("axis", 1));
                return true;
            case Relu or Sigmoid or Add or Mul:
                EmitImage(node.Operator.Name, node, [.. node.Inputs.Select(Image)]);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Turns an image that is an output back.</summary>
    private void ExportImageOutput(ValueId output)
    {
        if (_images.TryGetValue(output, out string? image))
        {
            Emit("Transpose", $"{_names[output.Index]}.channels_last", [image], _names[output.Index], Attribute("perm", 0, 2, 3, 1));
        }
    }

    /// <summary>The name of an image as [batch, channels, rows, columns].</summary>
    private string Image(ValueId id)
    {
        if (!_images.TryGetValue(id, out string? image))
        {
            image = ImageName(id);
            Emit("Transpose", image, [NameOf(id)], image, Attribute("perm", 0, 3, 1, 2));
            _images.Add(id, image);
        }

        return image;
    }

    private string ImageName(ValueId id) => $"{_names[id.Index]}.channels_first";

    private void EmitImage(string type, Node node, string[] inputs, params AttributeProto[] attributes)
    {
        string image = ImageName(node.Output);
        Emit(type, node.Name, inputs, image, attributes);
        _images.Add(node.Output, image);
    }

    private void ExportConvolution(Node node, ImageConvolution convolution)
    {
        TensorType filter = _graph[node.Inputs[1]].Type;
        EmitImage(
            "Conv", node, [Image(node.Inputs[0]), Filter(node.Inputs[1])],
            [Attribute("kernel_shape", filter.Shape[1], filter.Shape[2]), Attribute("group", convolution.Groups), .. WindowAttributes(convolution.Window), Dilations(convolution.Window)]);
    }

    private void ExportTransposed(Node node, ImageConvolutionTransposed convolution)
    {
        TensorType filter = _graph[node.Inputs[1]].Type;
        TensorType source = _graph[node.Inputs[0]].Type;
        ConvolutionWindow window = convolution.Window;

        // What the strides leave open at the end.
        int surplusHeight = convolution.Height - Reached(source.Shape[1], filter.Shape[1], window.StrideHeight, window.DilationHeight, window.Top + window.Bottom);
        int surplusWidth = convolution.Width - Reached(source.Shape[2], filter.Shape[2], window.StrideWidth, window.DilationWidth, window.Left + window.Right);
        EmitImage(
            "ConvTranspose", node, [Image(node.Inputs[0]), Filter(node.Inputs[1])],
            [
                Attribute("kernel_shape", filter.Shape[1], filter.Shape[2]), Attribute("group", convolution.Groups),
                Attribute("output_padding", surplusHeight, surplusWidth), .. WindowAttributes(window), Dilations(window),
            ]);
    }

    private static int Reached(int source, int taps, int stride, int dilation, int padding) => (source - 1) * stride + dilation * (taps - 1) + 1 - padding;

    private void ExportResample(Node node, Resample resample)
    {
        string image = Image(node.Inputs[0]);
        TensorType type = _graph[node.Inputs[0]].Type;
        switch (resample.Kind)
        {
            case ResampleKind.Crop:
                EmitImage(
                    "Slice", node,
                    [
                        image, Integers($"{node.Name}.begins", [resample.First, resample.First]),
                        Integers($"{node.Name}.ends", [type.Shape[1] - resample.Last, type.Shape[2] - resample.Last]), Integers($"{node.Name}.axes", [2, 3]),
                    ]);
                return;
            case ResampleKind.Mean:
                EmitImage("AveragePool", node, [image], Attribute("kernel_shape", resample.First, resample.First), Attribute("strides", resample.First, resample.First));
                return;
            default:
                string scales = $"{node.Name}.scales";
                Initialize(scales, [4], [1f, 1f, resample.First, resample.First]);
                bool isNearest = resample.Kind == ResampleKind.Nearest;
                string mode = isNearest ? "asymmetric" : resample.Kind == ResampleKind.BilinearAligned ? "align_corners" : "half_pixel";
                EmitImage(
                    "Resize", node, [image, string.Empty, scales],
                    Text("mode", isNearest ? "nearest" : "linear"), Text("coordinate_transformation_mode", mode), Text("nearest_mode", "floor"));
                return;
        }
    }

    private void ExportNormalization(Node node)
    {
        Node? deviation = _graph.Nodes.FirstOrDefault(other => other.Output == node.Inputs[2]);
        if (deviation?.Operator is not ReciprocalDeviation || _graph[deviation.Inputs[1]].Constant is not { } epsilon)
        {
            throw NotExported($"node {node.Name}", "a deviation from a variance and a constant epsilon", "another one", "normalise with ReciprocalDeviation");
        }

        EmitImage(
            "BatchNormalization", node,
            [Image(node.Inputs[0]), NameOf(node.Inputs[3]), NameOf(node.Inputs[4]), NameOf(node.Inputs[1]), NameOf(deviation.Inputs[0])],
            FloatAttribute("epsilon", epsilon));
    }

    /// <summary>A filter [F, rows, columns, C] as ONNX has it: [F, C, rows, columns].</summary>
    private string Filter(ValueId id)
    {
        Value value = _graph[id];
        if (value.Role != ValueRole.Parameter)
        {
            throw NotExported($"filter {value.Name}", "a parameter", $"{value.Role}", "convolve with a parameter");
        }

        string name = $"{_names[id.Index]}.channels_first";
        if (_initialized.Add(id))
        {
            float[] elements = Elements(value);
            (int taps, int channels) = (value.Type.Shape[1] * value.Type.Shape[2], value.Type.Shape[3]);
            var turned = new float[elements.Length];
            for (int i = 0; i < elements.Length; i++)
            {
                int f = i / (taps * channels);
                int tap = i / channels % taps;
                turned[(f * channels + i % channels) * taps + tap] = elements[i];
            }

            Initialize(name, [value.Type.Shape[0], channels, value.Type.Shape[1], value.Type.Shape[2]], turned);
        }

        return name;
    }

    /// <summary>A bias [C] as [C, 1, 1].</summary>
    private string Channels(ValueId id)
    {
        string name = $"{_names[id.Index]}.channels_first";
        if (_initialized.Add(id))
        {
            Initialize(name, [_graph[id].Type.Shape[0], 1, 1], Elements(_graph[id]));
        }

        return name;
    }

    private static AttributeProto[] WindowAttributes(ConvolutionWindow window) =>
        [Attribute("strides", window.StrideHeight, window.StrideWidth), Attribute("pads", window.Top, window.Left, window.Bottom, window.Right)];

    private static AttributeProto Dilations(ConvolutionWindow window) => Attribute("dilations", window.DilationHeight, window.DilationWidth);

    private static AttributeProto Text(string name, string value) =>
        new() { Name = name, Text = System.Text.Encoding.UTF8.GetBytes(value), Kind = AttributeKind.String };
}
