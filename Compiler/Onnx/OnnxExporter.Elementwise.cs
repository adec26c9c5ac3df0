using System.Text;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx;

/// <summary>Elementwise operators over tensors of any rank.</summary>
/// <remarks>
/// Most have a name of their own. Numbers that ONNX has as attributes must be known. Square --> Mul; LeakyRelu --> PRelu; Clip between
/// tensors --> Min of Max.
/// </remarks>
public sealed partial class OnnxExporter
{
    /// <summary>The name in ONNX, and the operator set that it came with, of what is exported under another name and nothing else.</summary>
    private static readonly Dictionary<Type, (string Name, int Opset)> ElementwiseNames = new()
    {
        [typeof(Add)] = ("Add", 7),
        [typeof(Subtract)] = ("Sub", 7),
        [typeof(Multiply)] = ("Mul", 7),
        [typeof(Divide)] = ("Div", 7),
        [typeof(Power)] = ("Pow", 12),
        [typeof(Maximum)] = ("Max", 12),
        [typeof(Minimum)] = ("Min", 12),
        [typeof(Not)] = ("Not", 1),
        [typeof(BitwiseNot)] = ("BitwiseNot", 18),
        [typeof(Where)] = ("Where", 9),
        [typeof(Equal)] = ("Equal", 13),
        [typeof(Less)] = ("Less", 13),
        [typeof(LessOrEqual)] = ("LessOrEqual", 16),
        [typeof(Greater)] = ("Greater", 13),
        [typeof(GreaterOrEqual)] = ("GreaterOrEqual", 16),
        [typeof(IsNaN)] = ("IsNaN", 13),
        [typeof(Negate)] = ("Neg", 13),
        [typeof(Absolute)] = ("Abs", 13),
        [typeof(Sign)] = ("Sign", 13),
        [typeof(Reciprocal)] = ("Reciprocal", 13),
        [typeof(SquareRoot)] = ("Sqrt", 13),
        [typeof(Floor)] = ("Floor", 13),
        [typeof(Ceiling)] = ("Ceil", 13),
        [typeof(Round)] = ("Round", 11),
        [typeof(Exponential)] = ("Exp", 13),
        [typeof(Logarithm)] = ("Log", 13),
        [typeof(ErrorFunction)] = ("Erf", 13),
        [typeof(HyperbolicTangent)] = ("Tanh", 13),
        [typeof(Sine)] = ("Sin", 7),
        [typeof(Cosine)] = ("Cos", 7),
        [typeof(Tangent)] = ("Tan", 7),
        [typeof(ArcSine)] = ("Asin", 7),
        [typeof(ArcCosine)] = ("Acos", 7),
        [typeof(ArcTangent)] = ("Atan", 7),
        [typeof(HyperbolicSine)] = ("Sinh", 9),
        [typeof(HyperbolicCosine)] = ("Cosh", 9),
        [typeof(ArcHyperbolicSine)] = ("Asinh", 9),
        [typeof(ArcHyperbolicCosine)] = ("Acosh", 9),
        [typeof(ArcHyperbolicTangent)] = ("Atanh", 9),
        [typeof(Relu)] = ("Relu", 14),
        [typeof(Sigmoid)] = ("Sigmoid", 13),
        [typeof(HardSwish)] = ("HardSwish", 14),
        [typeof(Softplus)] = ("Softplus", 1),
        [typeof(Softsign)] = ("Softsign", 1),
        [typeof(Mish)] = ("Mish", 18),
    };

    /// <summary>The operator set that the node needs, where that is above the usual one.</summary>
    private int OpsetOf(Node node) => node.Operator switch
    {
        var op when ElementwiseNames.TryGetValue(op.GetType(), out (string Name, int Opset) known) => known.Opset,
        And or Or or ExclusiveOr when _graph[node.Output].Type.Element != ElementType.Bool => 18,
        Reduce { Kind: ReduceKind.Max or ReduceKind.Min } when _graph[node.Output].Type.Element == ElementType.Bool => 20,
        ScatterOperator { Kind: ScatterKind.Minimum or ScatterKind.Maximum } => 18,
        Swish => 24,
        Reinterpret => 26,
        Operators.Scan { IsProduct: true } => 26,
        _ => OpsetVersion,
    };

    /// <returns>False if the operator is not one of these.</returns>
    private bool TryExportElementwise(Node node)
    {
        if (ElementwiseNames.TryGetValue(node.Operator.GetType(), out (string Name, int Opset) known))
        {
            Emit(known.Name, node, Inputs(node));
            return true;
        }

        bool isBool = _graph[node.Output].Type.Element == ElementType.Bool;
        switch (node.Operator)
        {
            case And:
                Emit(isBool ? "And" : "BitwiseAnd", node, Inputs(node));
                return true;
            case Or:
                Emit(isBool ? "Or" : "BitwiseOr", node, Inputs(node));
                return true;
            case ExclusiveOr:
                Emit(isBool ? "Xor" : "BitwiseXor", node, Inputs(node));
                return true;
            case BitShift shift:
                Emit("BitShift", node, Inputs(node), TextAttribute("direction", shift.IsLeft ? "LEFT" : "RIGHT"));
                return true;
            case Modulo modulo when modulo.IsC || !_graph[node.Output].Type.Element.IsFloat():
                Emit("Mod", node, Inputs(node), Attribute("fmod", modulo.IsC ? 1 : 0));
                return true;
            case IsInfinity infinity:
                Emit("IsInf", node, Inputs(node), Attribute("detect_negative", infinity.Negative ? 1 : 0), Attribute("detect_positive", infinity.Positive ? 1 : 0));
                return true;
            case Cast cast:
                Emit("Cast", node, Inputs(node), Attribute("to", (long)Import.OnnxTensors.KindOf(cast.To)));
                return true;
            case Reinterpret cast:
                Emit("BitCast", node, Inputs(node), Attribute("to", (long)Import.OnnxTensors.KindOf(cast.To)));
                return true;
            case Square:
                Emit("Mul", node, [NameOf(node.Inputs[0]), NameOf(node.Inputs[0])]);
                return true;
            case Clip when node.Inputs.Skip(1).All(bound => _graph[bound].Type.Rank == 0):
                Emit("Clip", node, Inputs(node));
                return true;
            case Clip:
                Emit("Min", node, [Part("Max", node, "above", [NameOf(node.Inputs[0]), NameOf(node.Inputs[1])]), NameOf(node.Inputs[2])]);
                return true;
            default:
                return TryExportActivation(node);
        }
    }

    private bool TryExportActivation(Node node)
    {
        string[] x = [NameOf(node.Inputs[0])];
        switch (node.Operator)
        {
            case LeakyRelu:
                ExportLeakyRelu(node);
                return true;
            case Elu or Celu or Swish or ThresholdedRelu:
                Emit(node.Operator.Name, node, x, FloatAttribute("alpha", NumberOf(node, 1)));
                return true;
            case Selu:
                Emit("Selu", node, x, FloatAttribute("alpha", NumberOf(node, 1)), FloatAttribute("gamma", NumberOf(node, 2)));
                return true;
            case HardSigmoid:
                Emit("HardSigmoid", node, x, FloatAttribute("alpha", NumberOf(node, 1)), FloatAttribute("beta", NumberOf(node, 2)));
                return true;
            case Shrink:
                Emit("Shrink", node, x, FloatAttribute("bias", NumberOf(node, 1)), FloatAttribute("lambd", NumberOf(node, 2)));
                return true;
            default:
                return false;
        }
    }

    /// <summary>A slope that x must be repeated for has no PRelu: x is repeated first.</summary>
    private void ExportLeakyRelu(Node node)
    {
        TensorType x = _graph[node.Inputs[0]].Type;
        TensorType y = _graph[node.Output].Type;
        string repeated = NameOf(node.Inputs[0]);
        if (x.Shape != y.Shape)
        {
            repeated = Part("Expand", node, "repeated", [repeated, Integers($"{node.Name}.shape", [.. y.Shape.Select(extent => (long)extent)])]);
        }

        Emit("PRelu", node, [repeated, NameOf(node.Inputs[1])]);
    }

    /// <summary>A number that ONNX has as an attribute.</summary>
    private float NumberOf(Node node, int input)
    {
        Value value = _graph[node.Inputs[input]];
        if (value.Type.CountElements != 1 || value.Role is not (ValueRole.Constant or ValueRole.Parameter))
        {
            throw NotExported($"node {node.Name}", $"a known number as input {input} of {node.Operator.Name}: in ONNX it is an attribute", value.Type.ToString(), "make it a constant");
        }

        return value.Constant ?? (float)Tensor(value).ToDoubles()[0];
    }

    private string[] Inputs(Node node) => [.. node.Inputs.Select(NameOf)];

    /// <summary>A node of which another one of the same operator is made; its value has the node's name and this suffix.</summary>
    private string Part(string type, Node node, string suffix, string[] inputs, params AttributeProto[] attributes)
    {
        string name = $"{node.Name}.{suffix}";
        Emit(type, name, inputs, name, attributes);
        return name;
    }

    private static AttributeProto TextAttribute(string name, string value) => new() { Name = name, Text = Encoding.UTF8.GetBytes(value), Kind = AttributeKind.String };
}
