using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators.Layout;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>What becomes of an element that an update meets.</summary>
public enum ScatterKind
{
    /// <summary>The update takes its place; of several the last.</summary>
    Replace,
    Add,
    Multiply,
    Minimum,
    Maximum,
}

/// <summary>
/// Data with updates put in at the positions of an index tensor: inputs data, indices (int32 or int64, negative ones counted from the
/// end), updates. Updates that meet go in ascending order of their index; those at positions outside their axis are left out.
/// </summary>
public abstract record ScatterOperator(ScatterKind Kind) : Operator
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Scatter", 9, OnnxTypes.All, Elements) { LastOpset = 10, HasGradient = true },
        new("ScatterElements", 11, OnnxTypes.All, Elements) { HasGradient = true },
        new("ScatterND", 11, OnnxTypes.All, node => [node.Apply(new ScatterND(KindOf(node)), node[0], node[1], node[2])]) { HasGradient = true },
    ];

    /// <summary>How the updates go with data and indices.</summary>
    public abstract IndexMap Map(TensorType data, TensorType indices);

    /// <summary>The gather that takes the element that an update met.</summary>
    public abstract GatherOperator Inverse { get; }

    protected abstract int[] UpdateShape(OperatorInputs inputs);

    /// <summary>The same positions, another meeting.</summary>
    protected abstract ScatterOperator With(ScatterKind kind);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(3);
        inputs.Require(inputs[1].Element is ElementType.Int32 or ElementType.Int64, "positions as int32 or int64", $"{inputs[1].Element}");
        inputs.Require(inputs[0].Element == inputs[2].Element, "updates of the data's type");
        inputs.Require(inputs.Types.All(type => !type.HasSamples && type.Rank <= Kernels.Memory.NdShape.MaximumRank), "whole values of rank 7 at most");
        inputs.Require(inputs[2].Shape.SequenceEqual(UpdateShape(inputs)), $"updates of shape {string.Join("x", UpdateShape(inputs))}");
        inputs.Require(Kind == ScatterKind.Replace || inputs[0].Element != ElementType.Bool, "numbers");
        return inputs[0];
    }

    public override long CountOperations(OperatorInputs inputs) => inputs[2].CountElements;

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType data = lowering.Graph[node.Inputs[0]].Type;
        IndexMap map = Map(data, lowering.Graph[node.Inputs[1]].Type);
        lowering.Emit(new IndexedUpdateStage(node.Name, node.Output, node.Inputs[0], node.Inputs[1], node.Inputs[2], map, Combine(Kind, data.Element)));
    }

    /// <summary>
    /// What an element became of passes dy on: of a sum to all that was added, of a product to each times the others, of an extreme to those that are it, of a replacement to the last update.
    /// </summary>
    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        GraphBuilder builder = scope.Builder;
        (ValueId data, ValueId positions, ValueId updates) = (node.Inputs[0], node.Inputs[1], node.Inputs[2]);
        ValueId Apply(Operator op, params ReadOnlySpan<ValueId> inputs) => builder.Apply(op, inputs);
        ValueId Taken(ValueId value) => Apply(Inverse, value, positions);
        ValueId Zero() => Ordinals.Fill(builder, TensorType.Whole(builder[data].Element), 0f);
        if (scope.IsNeeded(data))
        {
            scope.Add(data, Kind switch
            {
                ScatterKind.Add => gradient,
                ScatterKind.Multiply => Apply(new Multiply(), gradient, Apply(this, Ordinals.Fill(builder, builder[data], 1f), positions, updates)),
                ScatterKind.Replace => Apply(With(ScatterKind.Replace), gradient, positions, Ordinals.Fill(builder, builder[updates], 0f)),
                _ => Apply(new Where(), Apply(new Equal(), data, node.Output), gradient, Zero()),
            });
        }

        if (scope.IsNeeded(updates))
        {
            scope.Add(updates, Kind switch
            {
                ScatterKind.Add => Taken(gradient),
                ScatterKind.Multiply => Apply(new Multiply(), Taken(Apply(new Multiply(), gradient, data)), OthersThere(builder, data, positions, updates)),
                ScatterKind.Replace => Apply(new Where(), IsLast(builder, data, positions, updates), Taken(gradient), Zero()),
                _ => Apply(new Where(), Apply(new Equal(), updates, Taken(node.Output)), Taken(gradient), Zero()),
            });
        }
    }

    /// <summary>For each update the product of the others that meet the same element.</summary>
    private ValueId OthersThere(GraphBuilder builder, ValueId data, ValueId positions, ValueId updates)
    {
        int count = checked((int)builder[updates].CountElements);
        ValueId Flat(ValueId value) => builder.Apply(new Reshape([count]), value);
        ValueId places = builder.Apply(Inverse, Ordinals.From1(builder, builder[data].Shape), positions);
        return builder.Apply(new Reshape(builder[updates].Shape), ProductGradients.OthersOfGroup(builder, Flat(updates), Flat(places)));
    }

    /// <summary>True for updates that no later one replaced: their numbers are what lies there in the end.</summary>
    private ValueId IsLast(GraphBuilder builder, ValueId data, ValueId positions, ValueId updates)
    {
        ValueId numbers = Ordinals.From1(builder, builder[updates].Shape);
        ValueId none = Ordinals.Fill(builder, builder[data] with { Element = ElementType.Int64 }, 0f);
        ValueId last = builder.Apply(With(ScatterKind.Replace), none, positions, numbers);
        return builder.Apply(new Equal(), numbers, builder.Apply(Inverse, last, positions));
    }

    internal static Type Combine(ScatterKind kind, ElementType element)
    {
        if (kind == ScatterKind.Replace)
        {
            return typeof(SecondWord);
        }

        bool isFloat64 = element == ElementType.Float64;
        if (element.IsFloat() && !isFloat64)
        {
            Type function = kind switch
            {
                ScatterKind.Add => typeof(AddFloat32Word),
                ScatterKind.Multiply => typeof(MulFloat32Word),
                ScatterKind.Minimum => typeof(MinFloat32Word),
                _ => typeof(MaxFloat32Word),
            };
            return element switch
            {
                ElementType.Float16 => typeof(ThenWord<,>).MakeGenericType(function, typeof(RoundToFloat16Word)),
                ElementType.BFloat16 => typeof(ThenWord<,>).MakeGenericType(function, typeof(RoundToBFloat16Word)),
                _ => function,
            };
        }

        return kind switch
        {
            ScatterKind.Add => isFloat64 ? typeof(AddFloat64Word) : typeof(AddWord),
            ScatterKind.Multiply => isFloat64 ? typeof(MulFloat64Word) : typeof(MulWord),
            ScatterKind.Minimum => isFloat64 ? typeof(MinFloat64Word) : element == ElementType.UInt64 ? typeof(MinUnsignedWord) : typeof(MinWord),
            _ => isFloat64 ? typeof(MaxFloat64Word) : element == ElementType.UInt64 ? typeof(MaxUnsignedWord) : typeof(MaxWord),
        };
    }

    private static IReadOnlyList<OnnxValue> Elements(OnnxNode node) =>
        [node.Apply(new ScatterElements(node.Axis(node.Integer("axis", 0), node.TypeOf(0).Rank), KindOf(node)), node[0], node[1], node[2])];

    private static ScatterKind KindOf(OnnxNode node) => node.Text("reduction", "none") switch
    {
        "none" => ScatterKind.Replace,
        "add" => ScatterKind.Add,
        "mul" => ScatterKind.Multiply,
        "min" => ScatterKind.Minimum,
        "max" => ScatterKind.Maximum,
        string other => throw node.Unsupported("a reduction none, add, mul, min or max", other),
    };
}

/// <summary>The update at i goes to i with its coordinate along the axis replaced by indices[i].</summary>
public sealed record ScatterElements(int Axis, ScatterKind Kind) : ScatterOperator(Kind)
{
    public override IndexMap Map(TensorType data, TensorType indices) => new GatherElements(Axis).Map(data, indices);

    public override GatherOperator Inverse => new GatherElements(Axis);

    protected override ScatterOperator With(ScatterKind kind) => this with { Kind = kind };

    protected override int[] UpdateShape(OperatorInputs inputs) => new GatherElements(Axis).ShapeOf(inputs);
}

/// <summary>The update slice at i goes to the slice at position indices[i, :].</summary>
public sealed record ScatterND(ScatterKind Kind) : ScatterOperator(Kind)
{
    public override IndexMap Map(TensorType data, TensorType indices) => new GatherND().Map(data, indices);

    public override GatherOperator Inverse => new GatherND();

    protected override ScatterOperator With(ScatterKind kind) => this with { Kind = kind };

    protected override int[] UpdateShape(OperatorInputs inputs) => new GatherND().ShapeOf(inputs);
}

/// <summary>Zeros with updates added at positions, inputs indices and updates: the gradient of a gather.</summary>
public sealed record SumAtPositions(TensorType Data, IndexMap Map) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(2);
        inputs.Require(inputs[1].Element == Data.Element, "updates of the data's type");
        return Data;
    }

    public override long CountOperations(OperatorInputs inputs) => inputs[1].CountElements;

    public override void Lower(StageLowering lowering, Node node) => lowering.Emit(
        new IndexedUpdateStage(node.Name, node.Output, null, node.Inputs[0], node.Inputs[1], Map, ScatterOperator.Combine(ScatterKind.Add, Data.Element)));
}
