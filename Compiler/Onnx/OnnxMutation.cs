using ProtoBuf;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx;

/// <summary>
/// Broken models, made of whole ones: bytes changed, lost or repeated, or the message changed where it hurts (extents, types, names,
/// attributes, nodes). For testing that what reads models refuses them in one line.
/// </summary>
public static class OnnxMutation
{
    private static readonly long[] Extremes = [0, 1, -1, 2, 3, 7, 127, -128, 255, 65536, int.MaxValue, int.MinValue, long.MaxValue, long.MinValue, 1L << 40];

    private static readonly string[] OpTypes = [.. OnnxCatalogue.All.Select(translation => translation.OpType).Distinct()];

    /// <summary>Attributes that many operators have, and what an element of them may be.</summary>
    private static readonly string[] Lists = ["axes", "perm", "kernel_shape", "strides", "pads", "dilations", "output_shape", "split", "hidden_size"];
    private static readonly string[] Numbers = ["axis", "group", "keepdims", "to", "dtype", "num_heads", "ceil_mode", "transA", "transB", "blocksize", "k", "exclusive"];

    /// <param name="model">The bytes of a model; they stay as they are.</param>
    /// <param name="random">Chooses what happens.</param>
    /// <returns>The bytes of another one.</returns>
    public static byte[] Mutate(byte[] model, Random random) => random.Next(4) == 0 ? MutateBytes(model, random) : MutateMessage(model, random);

    private static byte[] MutateBytes(byte[] model, Random random)
    {
        List<byte> bytes = [.. model];
        for (int change = random.Next(1, 6); change > 0 && bytes.Count > 0; change--)
        {
            int at = random.Next(bytes.Count);
            int count = Math.Min(random.Next(1, 17), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, count);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count - count + 1), count));
                    break;
                case 4:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                default:
                    // The longest numbers that a length can be.
                    bytes.InsertRange(at, Enumerable.Repeat((byte)0xFF, random.Next(1, 10)));
                    break;
            }
        }

        return [.. bytes];
    }

    private static byte[] MutateMessage(byte[] model, Random random)
    {
        ModelProto message;
        try
        {
            using var source = new MemoryStream(model, writable: false);
            message = Import.OnnxReader.Read<ModelProto>(source, "a model");
        }
        catch (RduException)
        {
            return MutateBytes(model, random);
        }

        for (int change = random.Next(1, 4); change > 0; change--)
        {
            MutateGraph(message, message.Graph, random);
        }

        using var stream = new MemoryStream();
        Serializer.Serialize(stream, message);
        return stream.ToArray();
    }

    private static void MutateGraph(ModelProto model, GraphProto graph, Random random)
    {
        switch (random.Next(18))
        {
            case 0 when Pick(graph.Initializers, random) is { } tensor:
                MutateTensor(tensor, random);
                break;
            case 1 when Pick(graph.Inputs, random) is { } input && input.Type?.Tensor is { } type:
                type.Kind = (TensorKind)random.Next(-1, 28);
                break;
            case 2 when Pick(graph.Inputs, random) is { } input && Pick(input.Type?.Tensor?.Shape?.Dimensions ?? [], random) is { } dimension:
                (dimension.Value, dimension.Parameter) = random.Next(3) == 0 ? ((long?)null, "n") : (Extreme(random), (string?)null);
                break;
            case 3 when Pick(graph.Nodes, random) is { } node:
                node.OpType = OpTypes[random.Next(OpTypes.Length)];
                break;
            case 4 when Pick(graph.Nodes, random) is { Inputs.Count: > 0 } node:
                node.Inputs[random.Next(node.Inputs.Count)] = AnyName(graph, random);
                break;
            case 5 when Pick(graph.Nodes, random) is { Outputs.Count: > 0 } node:
                node.Outputs[random.Next(node.Outputs.Count)] = AnyName(graph, random);
                break;
            case 6 when Pick(graph.Nodes, random) is { } node:
                graph.Nodes.Insert(random.Next(graph.Nodes.Count), node);
                break;
            case 7 when graph.Nodes.Count > 0:
                graph.Nodes.RemoveAt(random.Next(graph.Nodes.Count));
                break;
            case 8 when Pick(graph.Nodes, random) is { } node && Pick(node.Attributes, random) is { } attribute:
                MutateAttribute(model, attribute, random);
                break;
            case 9 when Pick(graph.Nodes, random) is { Attributes.Count: > 0 } node:
                node.Attributes.RemoveAt(random.Next(node.Attributes.Count));
                break;
            case 10 when Pick(graph.Nodes, random) is { } node:
                node.Inputs.Add(random.Next(3) == 0 ? string.Empty : AnyName(graph, random));
                break;
            case 11 when Pick(graph.Nodes, random) is { Inputs.Count: > 0 } node:
                node.Inputs.RemoveAt(random.Next(node.Inputs.Count));
                break;
            case 14 when Pick(graph.Inputs, random)?.Type?.Tensor?.Shape?.Dimensions is { } dimensions:
                MutateRank(dimensions, new DimensionProto { Value = random.Next(4) }, random);
                break;
            case 15 when Pick(graph.Initializers, random) is { } tensor:
                MutateRank(tensor.Dims, random.Next(4), random);
                Refill(tensor);
                break;
            case 16 when Pick(graph.Nodes, random) is { } node:
                var list = new AttributeProto { Name = Lists[random.Next(Lists.Length)], Kind = AttributeKind.Ints };
                list.Ints.AddRange(Enumerable.Range(0, random.Next(6)).Select(_ => Small(random)));
                node.Attributes.Add(list);
                break;
            case 17 when Pick(graph.Nodes, random) is { } node:
                node.Attributes.Add(new AttributeProto { Name = Numbers[random.Next(Numbers.Length)], Kind = AttributeKind.Int, Int = Small(random) });
                break;
            case 12 when Pick(model.OpsetImports, random) is { } opset:
                opset.Version = random.Next(2) == 0 ? random.Next(0, 30) : Extreme(random);
                break;
            default:
                graph.Outputs.Add(new ValueInfoProto { Name = AnyName(graph, random) });
                break;
        }
    }

    private static void MutateRank<T>(List<T> extents, T more, Random random)
    {
        if (extents.Count > 0 && random.Next(2) == 0)
        {
            extents.RemoveAt(random.Next(extents.Count));
        }
        else
        {
            extents.Insert(random.Next(extents.Count + 1), more);
        }
    }

    /// <summary>Raw data as long as the extents say, so that the tensor is read and only its shape is another; where that is not much.</summary>
    private static void Refill(TensorProto tensor)
    {
        const int mostElements = 4096;
        const int mostElementBytes = 8;
        long elements = tensor.Dims.Aggregate(1L, (product, extent) => product * Math.Clamp(extent, 0, mostElements) is var more and <= mostElements ? more : mostElements + 1);
        int elementBytes = tensor.Kind switch
        {
            TensorKind.Int64 or TensorKind.UInt64 or TensorKind.Float64 => mostElementBytes,
            TensorKind.Float32 or TensorKind.Int32 or TensorKind.UInt32 => sizeof(float),
            TensorKind.Float16 or TensorKind.BFloat16 or TensorKind.Int16 or TensorKind.UInt16 => sizeof(short),
            _ => 1,
        };
        if (tensor.RawData is { } data && elements <= mostElements)
        {
            Array.Resize(ref data, (int)elements * elementBytes);
            tensor.RawData = data;
        }
    }

    private static void MutateTensor(TensorProto tensor, Random random)
    {
        switch (random.Next(6))
        {
            case 0:
                tensor.Dims.Add(Extreme(random));
                break;
            case 1 when tensor.Dims.Count > 0:
                tensor.Dims[random.Next(tensor.Dims.Count)] = Extreme(random);
                break;
            case 2 when tensor.RawData is { Length: > 0 } data:
                tensor.RawData = data[..random.Next(data.Length)];
                break;
            case 3 when tensor.RawData is { Length: > 7 } data:
                // An element of a shape or an index, perhaps.
                BitConverter.GetBytes(Extreme(random)).CopyTo(data, random.Next(data.Length / 8) * 8);
                break;
            case 4:
                tensor.Kind = (TensorKind)random.Next(-1, 28);
                break;
            default:
                tensor.Location = DataLocation.External;
                tensor.ExternalData.Add(new StringEntry { Key = "location", Value = "../elsewhere" });
                break;
        }
    }

    private static void MutateAttribute(ModelProto model, AttributeProto attribute, Random random)
    {
        if (attribute.Graph is { } graph && random.Next(4) != 0)
        {
            MutateGraph(model, graph, random);
        }
        else if (attribute.Tensor is { } tensor)
        {
            MutateTensor(tensor, random);
        }
        else if (attribute.Ints.Count > 0)
        {
            switch (random.Next(4))
            {
                case 0:
                    attribute.Ints.RemoveAt(random.Next(attribute.Ints.Count));
                    break;
                case 1:
                    attribute.Ints.Add(Small(random));
                    break;
                default:
                    attribute.Ints[random.Next(attribute.Ints.Count)] = Extreme(random);
                    break;
            }
        }
        else if (attribute.Float.HasValue)
        {
            attribute.Float = random.Next(4) switch { 0 => float.NaN, 1 => float.PositiveInfinity, 2 => 0f, _ => -1e30f };
        }
        else if (random.Next(4) == 0)
        {
            attribute.Kind = (AttributeKind)random.Next(0, 15);
        }
        else
        {
            attribute.Int = Extreme(random);
        }
    }

    private static string AnyName(GraphProto graph, Random random) =>
        Pick(graph.Nodes, random) is { Outputs.Count: > 0 } node && random.Next(2) == 0 ? node.Outputs[0]
        : Pick(graph.Initializers, random) is { } initializer && random.Next(2) == 0 ? initializer.Name
        : Pick(graph.Inputs, random)?.Name ?? "nothing";

    private static T? Pick<T>(List<T> items, Random random)
        where T : class => items.Count > 0 ? items[random.Next(items.Count)] : null;

    private static long Small(Random random) => random.Next(8) == 0 ? Extreme(random) : random.Next(-2, 5);

    private static long Extreme(Random random) => Extremes[random.Next(Extremes.Length)];
}
