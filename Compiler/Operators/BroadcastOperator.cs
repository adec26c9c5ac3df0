using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// An elementwise operator of inputs that are broadcast to one shape as numpy does (axes aligned at the last, extents of 1
/// repeated), for every element type that it has a function for. Elements of one word go through float programs, which fuse; a
/// float16 or bfloat16 result is rounded to its type. All others go through functions of 64-bit words.
/// </summary>
public abstract record BroadcastOperator : ElementwiseOperator
{
    /// <summary>How many inputs it takes.</summary>
    public abstract int Arity { get; }

    /// <summary>True if the float program is right for elements of this type.</summary>
    public virtual bool IsProgram(ElementType element) => element is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16;

    /// <summary>The <see cref="IWordFunction"/> for elements of a type that the program is not for; null if there is none.</summary>
    public virtual Type? WordFunction(ElementType element) => null;

    /// <summary>The element type of the result.</summary>
    public virtual ElementType ResultOf(IReadOnlyList<TensorType> inputs) => inputs[^1].Element;

    /// <summary>The input whose element type says how to compute.</summary>
    public virtual int TypedInput => 0;

    /// <summary>True if these element types go together.</summary>
    public virtual bool Accepts(IReadOnlyList<TensorType> inputs) => inputs.All(input => input.Element == inputs[0].Element);

    public override TensorType Infer(OperatorInputs inputs)
    {
        inputs.RequireCount(Arity);
        ElementType element = inputs[TypedInput].Element;
        inputs.Require(Accepts(inputs.Types), "element types that go together");
        inputs.Require(IsProgram(element) || WordFunction(element) is not null, $"an element type that {Name} is defined for", $"{element}");
        return BroadcastShape.Of(inputs) with { Element = ResultOf(inputs.Types) };
    }

    public override bool ReadsPairs(int input, IReadOnlyList<TensorType> inputs, TensorType output) =>
        output.Element == ElementType.Float32 && inputs.All(type => type == output);

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => IsProgram(inputs[TypedInput].Element)
        ? base.Profile(inputs, output)
        : OperatorProfile.Program(TemplateKind.Simd, output.CountElements, 1);

    public override void Lower(StageLowering lowering, Node node)
    {
        TensorType type = lowering.Graph[node.Output].Type;
        ElementType element = lowering.Graph[node.Inputs[TypedInput]].Type.Element;
        if (!IsProgram(element))
        {
            lowering.Emit(new WordMapStage(node.Name, node.Output, WordFunction(element)!, node.Inputs, !type.HasSamples));
        }
        else if (type.Element == ElementType.Float32 && Accesses(lowering.Graph, node, type) is { } accesses)
        {
            lowering.LowerElementwise(node, this, accesses);
        }
        else
        {
            lowering.LowerBroadcast(node, this, type.Element switch
            {
                ElementType.Float16 => typeof(RoundFloat16Function),
                ElementType.BFloat16 => typeof(RoundBFloat16Function),
                _ => null,
            });
        }
    }

    /// <summary>How a program over the rows of the output reads the inputs; null if one of them is neither a value like the output, a row nor a number.</summary>
    private static SlotAccess[]? Accesses(Graph graph, Node node, TensorType type)
    {
        var accesses = new SlotAccess[node.Inputs.Count];
        for (int i = 0; i < accesses.Length; i++)
        {
            TensorType input = graph[node.Inputs[i]].Type;
            bool isWhole = type.HasSamples && type.Rank >= 2 && input.Element == ElementType.Float32 && !input.HasSamples && input.Rank <= 1;
            if (input != type && !(isWhole && (input.CountElements == 1 || input.LastExtent == type.LastExtent)))
            {
                return null;
            }

            accesses[i] = input == type ? SlotAccess.Full : input.CountElements == 1 ? SlotAccess.Uniform : SlotAccess.PerColumn;
        }

        return accesses;
    }

    /// <summary>A word function by the kind of the type: integers, of which unsigned 64-bit ones may differ, or float64.</summary>
    protected static Type? Pick(ElementType element, Type? integer, Type? unsigned64, Type? float64) => element switch
    {
        ElementType.Float64 => float64,
        ElementType.UInt64 => unsigned64,
        _ when element.IsInteger() => integer,
        _ => null,
    };
}

/// <summary>The rules of broadcasting.</summary>
public static class BroadcastShape
{
    /// <summary>The item axis and those within an item.</summary>
    public const int MaximumRank = Kernels.Memory.NdShape.MaximumRank + 1;

    /// <summary>The shape that all inputs are broadcast to, with the element type of the first. Samples stay in axis 0.</summary>
    public static TensorType Of(OperatorInputs inputs)
    {
        int rank = inputs.Types.Max(type => type.Rank);
        inputs.Require(rank <= MaximumRank, $"a rank of {MaximumRank} at most");
        var shape = new int[rank];
        Array.Fill(shape, 1);
        foreach (TensorType type in inputs.Types)
        {
            for (int axis = 0; axis < type.Rank; axis++)
            {
                int at = rank - type.Rank + axis;
                inputs.Require(shape[at] == 1 || type.Shape[axis] == 1 || shape[at] == type.Shape[axis], "shapes that broadcast to one");
                shape[at] = shape[at] == 1 ? type.Shape[axis] : shape[at];
            }
        }

        bool hasSamples = inputs.Types.Any(type => type.HasSamples);
        inputs.Require(
            !hasSamples || inputs.Types.All(type => type.HasSamples ? type.Rank == rank && type.Shape[0] == shape[0] : type.Rank < rank || type.Shape[0] == 1),
            "samples in axis 0 of the result");
        return new TensorType(inputs[0].Element, EquatableArray.Create<int>(shape), hasSamples);
    }

    /// <summary>The gradient by an input that was broadcast: summed over the axes along which it was repeated.</summary>
    public static ValueId SumTo(GradientScope scope, ValueId gradient, TensorType input)
    {
        TensorType type = scope.Builder[gradient];
        int added = type.Rank - input.Rank;
        int[] repeated = [.. Enumerable.Range(0, input.Rank).Where(axis => input.Shape[axis] == 1 && type.Shape[axis + added] != 1).Select(axis => axis + added)];
        if (repeated.Length > 0)
        {
            gradient = scope.Builder.Apply(new Reduce(ReduceKind.Sum, EquatableArray.Create<int>(repeated), KeepAxes: true), gradient);
        }

        return added == 0
            ? gradient
            : scope.Builder.Apply(new Reduce(ReduceKind.Sum, EquatableArray.Create<int>([.. Enumerable.Range(0, added)]), KeepAxes: false), gradient);
    }

    /// <summary>Adds a contribution to the gradient of a node's input, if anybody asks for it.</summary>
    public static void Add(GradientScope scope, Node node, int input, Func<ValueId> contribution)
    {
        if (scope.IsNeeded(node.Inputs[input]))
        {
            scope.Add(node.Inputs[input], SumTo(scope, contribution(), scope.Builder[node.Inputs[input]]));
        }
    }

    /// <summary>A scalar that broadcasts to any shape.</summary>
    public static ValueId Scalar(GradientScope scope, float value) =>
        scope.Builder.Constant($"scalar {value:R}", TensorType.Whole(), value);
}
