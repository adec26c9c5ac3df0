using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Onnx;

namespace RduEmu.Tests.Onnx;

/// <summary>A graph as an ONNX model, that model as a graph again, and in ONNX Runtime.</summary>
internal static class RoundTrip
{
    public static byte[] Export(Graph graph, IReadOnlyDictionary<ValueId, HostTensor> parameters)
    {
        using var stream = new MemoryStream();
        OnnxExporter.Write(graph, OnnxWeights.Of(parameters), stream);
        return stream.ToArray();
    }

    public static HostTensor[] Reimported(byte[] model, Dictionary<string, HostTensor> inputs)
    {
        using var stream = new MemoryStream(model);
        OnnxModel again = OnnxFile.Read(stream, "exported").ImportFor(inputs);
        var given = new Dictionary<ValueId, HostTensor>(again.Parameters);
        foreach (OnnxPort input in again.Inputs)
        {
            if (input.Value is { } id)
            {
                given.Add(id, inputs[input.Name]);
            }
        }

        HostTensor[] computed = again.Graph.Outputs.Count > 0 ? GraphInterpreter.Run(again.Graph, given) : [];
        return [.. again.Outputs.Select(output => output.Known ?? computed[again.Graph.Outputs.ToList().IndexOf(output.Value!.Value)])];
    }

    /// <summary>Null where ONNX Runtime does not implement an operator for these types.</summary>
    public static HostTensor[]? InOnnxRuntime(byte[] model, Dictionary<string, HostTensor> inputs)
    {
        InferenceSession session;
        try
        {
            using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
            session = new InferenceSession(model, options);
        }
        catch (OnnxRuntimeException error) when (error.Message.Contains("NotImplemented", StringComparison.Ordinal) || error.Message.Contains("opset", StringComparison.OrdinalIgnoreCase)
            || error.Message.Contains("under development", StringComparison.Ordinal) || error.Message.Contains("No Op registered", StringComparison.Ordinal))
        {
            return null;
        }

        using (session)
        {
            OrtValue[] values = [.. inputs.Select(pair => ToOrt(pair.Value))];
            try
            {
                using var run = new RunOptions();
                using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, [.. inputs.Keys], values, session.OutputNames);
                return [.. outputs.Select(FromOrt)];
            }
            finally
            {
                Array.ForEach(values, value => value.Dispose());
            }
        }
    }

    private static OrtValue ToOrt(HostTensor tensor)
    {
        long[] shape = [.. tensor.Shape.Select(extent => (long)extent)];
        OrtValue value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, KindOf(tensor.Element), shape);
        tensor.Bytes.CopyTo(value.GetTensorMutableRawData());
        return value;
    }

    private static HostTensor FromOrt(OrtValue value)
    {
        OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
        int[] shape = [.. info.Shape.Select(extent => (int)extent)];
        ElementType element = Enum.GetValues<ElementType>().First(candidate => KindOf(candidate) == info.ElementDataType);
        return new HostTensor(TensorType.Whole(element, shape), value.GetTensorMutableRawData().ToArray());
    }

    private static TensorElementType KindOf(ElementType element) => element switch
    {
        ElementType.Float32 => TensorElementType.Float,
        ElementType.Float16 => TensorElementType.Float16,
        ElementType.BFloat16 => TensorElementType.BFloat16,
        ElementType.Float64 => TensorElementType.Double,
        ElementType.Int8 => TensorElementType.Int8,
        ElementType.Int16 => TensorElementType.Int16,
        ElementType.Int32 => TensorElementType.Int32,
        ElementType.Int64 => TensorElementType.Int64,
        ElementType.UInt8 => TensorElementType.UInt8,
        ElementType.UInt16 => TensorElementType.UInt16,
        ElementType.UInt32 => TensorElementType.UInt32,
        ElementType.UInt64 => TensorElementType.UInt64,
        _ => TensorElementType.Bool,
    };
}
