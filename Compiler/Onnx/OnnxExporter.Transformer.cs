using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx;

/// <summary>The operators of transformers.</summary>
/// <remarks>
/// Linear of tokens --> MatMul with the weight turned; LayerNorm --> LayerNormalization; Gelu --> its formula with Erf (Gelu itself
/// came with operator set 20); HeadMatMul --> Reshape, Transpose, MatMul; Softmax --> scale and mask, Softmax; TokenEmbedding -->
/// Gather (an index of -1, an absent token, has no ONNX form: none of the models has one); GatherRows --> GatherND.
/// </remarks>
public sealed partial class OnnxExporter
{
    private readonly HashSet<string> _turned = [];

    /// <returns>False if the operator is not one of these.</returns>
    private bool TryExportTransformer(Node node)
    {
        string[] inputs = [.. node.Inputs.Select(NameOf)];
        switch (node.Operator)
        {
            case Mul or Tanh:
                Emit(node.Operator.Name, node, inputs);
                return true;
            case LayerNorm norm:
                Emit("LayerNormalization", node, inputs, Attribute("axis", -1), FloatAttribute("epsilon", norm.Epsilon));
                return true;
            case Gelu:
                ExportGelu(node, inputs[0]);
                return true;
            case Softmax softmax:
                ExportSoftmax(node, softmax, inputs);
                return true;
            case HeadMatMul product:
                ExportHeads(node, product, inputs);
                return true;
            case TokenEmbedding:
                Emit("Gather", node, [inputs[1], inputs[0]], Attribute("axis", 0));
                return true;
            case GatherRows:
                ExportRows(node, inputs);
                return true;
            case FirstRow:
                string first = $"{node.Name}.index";
                Initialize(first, [], TensorKind.Int64, new byte[sizeof(long)]);
                Emit("Gather", node, [inputs[0], first], Attribute("axis", 1));
                return true;
            case TransposeRows:
                Emit("Transpose", node, inputs, Attribute("perm", 0, 2, 1));
                return true;
            default:
                return false;
        }
    }

    /// <summary>x · wᵀ of values with more than one row for each sample, and the bias if there is one.</summary>
    private void ExportTokenLinear(Node node, Node linear, ValueId? bias)
    {
        string weight = NameOf(linear.Inputs[1]);
        string turned = $"{weight}.turned";
        if (_turned.Add(turned))
        {
            Emit("Transpose", turned, [weight], turned, Attribute("perm", 1, 0));
        }

        string[] factors = [NameOf(linear.Inputs[0]), turned];
        if (bias is not { } added)
        {
            Emit("MatMul", node, factors);
            return;
        }

        string product = $"{node.Name}.product";
        Emit("MatMul", product, factors, product);
        Emit("Add", node, [product, NameOf(added)]);
    }

    private void ExportGelu(Node node, string x)
    {
        string Name(string part) => $"{node.Name}.{part}";
        Emit("Mul", Name("scaled"), [x, Scalar(Name("scale"), 0.707106769f)], Name("scaled"));
        Emit("Erf", Name("erf"), [Name("scaled")], Name("erf"));
        Emit("Add", Name("sum"), [Name("erf"), Scalar(Name("one"), 1f)], Name("sum"));
        Emit("Mul", Name("part"), [Name("sum"), Scalar(Name("half"), 0.5f)], Name("part"));
        Emit("Mul", node, [x, Name("part")]);
    }

    private void ExportSoftmax(Node node, Softmax softmax, string[] inputs)
    {
        string logits = $"{node.Name}.scaled";
        Emit("Mul", logits, [inputs[0], Scalar($"{node.Name}.scale", softmax.Scale)], logits);
        if (inputs.Length > 1)
        {
            // A row for each sample, added to all of the sample's rows.
            int rank = _graph[node.Inputs[0]].Type.Rank;
            string mask = $"{node.Name}.mask";
            Emit("Unsqueeze", mask, [inputs[1], Integers($"{node.Name}.axes", [.. Enumerable.Range(1, rank - 2).Select(axis => (long)axis)])], mask);
            string masked = $"{node.Name}.masked";
            Emit("Add", masked, [logits, mask], masked);
            logits = masked;
        }

        Emit("Softmax", node, [logits], Attribute("axis", -1));
    }

    private void ExportHeads(Node node, HeadMatMul product, string[] inputs)
    {
        TensorType tokens = _graph[node.Inputs[1]].Type;
        int width = tokens.LastExtent / product.Heads;
        string Heads(string value, string part, params long[] order)
        {
            string cut = $"{node.Name}.{part}.cut";
            Emit("Reshape", cut, [value, Integers($"{cut}.shape", [0, tokens.Shape[1], product.Heads, width])], cut);
            string turned = $"{node.Name}.{part}";
            Emit("Transpose", turned, [cut], turned, Attribute("perm", order));
            return turned;
        }

        if (product.Product == HeadProduct.Scores)
        {
            Emit("MatMul", node, [Heads(inputs[0], "left", 0, 2, 1, 3), Heads(inputs[1], "right", 0, 2, 3, 1)]);
            return;
        }

        string map = inputs[0];
        if (product.Product == HeadProduct.ContextTransposed)
        {
            map = $"{node.Name}.map";
            Emit("Transpose", map, [inputs[0]], map, Attribute("perm", 0, 1, 3, 2));
        }

        string context = $"{node.Name}.context";
        Emit("MatMul", context, [map, Heads(inputs[1], "right", 0, 2, 1, 3)], context);
        string joined = $"{node.Name}.joined";
        Emit("Transpose", joined, [context], joined, Attribute("perm", 0, 2, 1, 3));
        Emit("Reshape", node, [joined, Integers($"{node.Name}.shape", [0, tokens.Shape[1], tokens.LastExtent])]);
    }

    private void ExportRows(Node node, string[] inputs)
    {
        string positions = $"{node.Name}.positions";
        Emit("Cast", positions, [inputs[1]], positions, Attribute("to", (long)TensorKind.Int64));
        string indices = $"{node.Name}.indices";
        Emit("Unsqueeze", indices, [positions, Integers($"{node.Name}.axes", [2])], indices);
        Emit("GatherND", node, [inputs[0], indices], Attribute("batch_dims", 1));
    }

    private string Scalar(string name, float value)
    {
        Initialize(name, [], [value]);
        return name;
    }

    private static AttributeProto FloatAttribute(string name, float value) => new() { Name = name, Float = value, Kind = AttributeKind.Float };
}
