using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Notation;

/// <summary>
/// One statement as graph nodes. A tensor on its way has one axis for each index that it depends on, in the order of the left side and
/// then of the reductions; where two meet, the axes that one of them has not are put in with extent 1, which moves nothing.
/// </summary>
internal sealed class NotationLowering
{
    private readonly GraphBuilder _builder;
    private readonly IReadOnlyDictionary<string, ValueId> _tensors;
    private readonly string _source;
    private readonly NotationStatement _statement;
    private readonly NotationExtents _extents;
    private readonly List<string> _order;

    public NotationLowering(GraphBuilder builder, IReadOnlyDictionary<string, ValueId> tensors, string source, NotationStatement statement)
    {
        _builder = builder;
        _tensors = tensors;
        _source = source;
        _statement = statement;
        _order = [.. statement.Indices];
        Order(statement.Value, [.. statement.Indices]);
        _extents = new NotationExtents(statement, access => builder[Find(access)], source);
    }

    /// <summary>A tensor with an index for each of its axes.</summary>
    private readonly record struct Labelled(ValueId Value, string[] Indices);

    /// <summary>A tensor as it is accessed: for each axis a sum of indices.</summary>
    private readonly record struct Accessed(ValueId Value, NotationIndex[] Positions);

    public ValueId Run()
    {
        Labelled value = Lower(_statement.Value);
        string? left = value.Indices.FirstOrDefault(index => !_statement.Indices.Contains(index));
        return left is null
            ? Include(value, _statement.Indices).Value
            : throw _statement.Place.Error(_source, $"an index {left} on the left, or a reduction over it", "neither");
    }

    /// <summary>Indices of reductions, in the order of the text; each must be new and used inside.</summary>
    private void Order(NotationExpression expression, HashSet<string> bound)
    {
        switch (expression)
        {
            case NotationCall call:
                foreach (NotationExpression argument in call.Arguments)
                {
                    Order(argument, bound);
                }

                break;
            case NotationReduction reduction:
                foreach (string index in reduction.Indices)
                {
                    if (bound.Contains(index))
                    {
                        throw reduction.Place.Error(_source, $"an index other than {index}, which is already bound", index);
                    }

                    if (!_order.Contains(index))
                    {
                        _order.Add(index);
                    }
                }

                Order(reduction.Body, [.. bound, .. reduction.Indices]);
                break;
            case NotationAccess access:
                foreach (NotationIndex position in access.Indices)
                {
                    if (position.Positions is { } positions)
                    {
                        Order(positions, bound);
                    }

                    foreach (NotationTerm term in position.Terms)
                    {
                        if (!bound.Contains(term.Index))
                        {
                            throw position.Place.Error(_source, "an index of the left side or of a reduction around it", term.Index);
                        }
                    }
                }

                break;
        }
    }

    private ValueId Find(NotationAccess access)
    {
        if (!_tensors.TryGetValue(access.Name, out ValueId value))
        {
            throw access.Place.Error(_source, $"a tensor ({string.Join(", ", _tensors.Keys.Order())})", $"'{access.Name}'");
        }

        return _builder[value].HasSamples ? throw access.Place.Error(_source, "a whole value", $"samples {access.Name}") : value;
    }

    private Labelled Lower(NotationExpression expression)
    {
        switch (expression)
        {
            case NotationNumber number:
                return new Labelled(_builder.Constant($"number {number.Value:R}", TensorType.Whole(), number.Value), []);
            case NotationAccess access:
                return View(Access(access));
            case NotationReduction { Kind: ReduceKind.Sum, Body: NotationCall { Function: "*" } product } reduction
                when TryProduct(reduction, product) is { } sum:
                return sum;
            case NotationReduction { Kind: ReduceKind.Sum, Indices: [var bag], Body: NotationAccess looked } when IsBag(bag, looked):
                return Bag(looked);
            case NotationReduction reduction:
                Labelled body = Include(Lower(reduction.Body), reduction.Indices);
                int[] axes = [.. Enumerable.Range(0, body.Indices.Length).Where(axis => reduction.Indices.Contains(body.Indices[axis]))];
                return new Labelled(
                    Apply(reduction.Place, new Reduce(reduction.Kind, EquatableArray.Create<int>(axes), KeepAxes: false), body.Value),
                    [.. body.Indices.Except(reduction.Indices)]);
            default:
                var call = (NotationCall)expression;
                Labelled[] arguments = [.. call.Arguments.Select(Lower)];
                string[] indices = Sorted(arguments.SelectMany(argument => argument.Indices));
                _ = ShapeOf(call.Place, indices);
                ValueId[] aligned = [.. arguments.Select(argument => Align(argument, indices))];
                return new Labelled(Apply(call.Place, NotationFunctions.All[call.Function].Operator, aligned), indices);
        }
    }

    /// <summary>A position that is looked up becomes axes of the tensor that the gather gives.</summary>
    private Accessed Access(NotationAccess access)
    {
        ValueId value = Find(access);
        List<NotationIndex> positions = [.. access.Indices];
        for (int axis = 0; axis < positions.Count; axis++)
        {
            if (positions[axis].Positions is not { } lookup)
            {
                continue;
            }

            Labelled found = View(Access(lookup));
            value = Apply(lookup.Place, new Gather(axis), value, found.Value);
            NotationPlace place = positions[axis].Place;
            positions.RemoveAt(axis);
            positions.InsertRange(axis, found.Indices.Select(index => new NotationIndex(place, [new NotationTerm(index, 1)], 0, null)));
            axis += found.Indices.Length - 1;
        }

        return new Accessed(value, [.. positions]);
    }

    /// <summary>The accessed elements with one axis for each index: the tensor itself where its axes are that already.</summary>
    private Labelled View(Accessed accessed)
    {
        string[] indices = Sorted(accessed.Positions.SelectMany(position => position.Terms).Select(term => term.Index));
        bool isPlain = accessed.Positions.Length == indices.Length
            && accessed.Positions.Select((position, axis) => position is { Offset: 0, Terms: [{ Factor: 1 } term] } && term.Index == indices[axis]).All(same => same);
        if (isPlain)
        {
            return new Labelled(accessed.Value, indices);
        }

        int[] factors = [.. accessed.Positions.SelectMany(position => indices.Select(index => position.Terms.FirstOrDefault(term => term.Index == index).Factor))];
        int[] offsets = [.. accessed.Positions.Select(position => position.Offset)];
        int[] shape = ShapeOf(_statement.Place, indices);
        var view = new IndexView(EquatableArray.Create<int>(shape), EquatableArray.Create<int>(factors), EquatableArray.Create<int>(offsets));
        return new Labelled(Apply(_statement.Place, view, accessed.Value), indices);
    }

    /// <summary>
    /// True for a sum of rows that the summed index looks up, <c>sum(h) t[idx[b,h], d]</c>: the first position is looked up, all others
    /// are indices of their own.
    /// </summary>
    private bool IsBag(string summed, NotationAccess access)
    {
        if (access.Indices.Count < 2 || access.Indices[0].Positions is not { } lookup || _builder[Find(access)].Element != ElementType.Float32)
        {
            return false;
        }

        HashSet<string> looked = [.. IndicesOf(lookup)];
        string[] others = [.. access.Indices.Skip(1).Select(position => position is { Positions: null, Offset: 0, Terms: [{ Factor: 1 } term] } ? term.Index : summed)];
        return looked.Contains(summed) && !others.Contains(summed) && !others.Any(looked.Contains) && others.Distinct().Count() == others.Length;
    }

    /// <summary>The embedding bag: its positions lie by the other indices and then, last as a reduction's index always is, by the summed one.</summary>
    private Labelled Bag(NotationAccess access)
    {
        Labelled positions = View(Access(access.Indices[0].Positions!));
        ValueId sums = Apply(access.Place, new GatherSum(), Find(access), positions.Value);
        string[] indices = [.. positions.Indices.SkipLast(1), .. access.Indices.Skip(1).Select(position => position.Terms[0].Index)];
        return View(new Accessed(sums, [.. indices.Select(index => new NotationIndex(access.Place, [new NotationTerm(index, 1)], 0, null))]));
    }

    private static IEnumerable<string> IndicesOf(NotationAccess access) => access.Indices.SelectMany(position =>
        position.Positions is { } positions ? IndicesOf(positions) : position.Terms.Select(term => term.Index));

    /// <summary>
    /// The sum of a product of two tensors as a contraction, where each index stands in one axis of a tensor at most and no position is
    /// moved by a constant.
    /// </summary>
    private Labelled? TryProduct(NotationReduction reduction, NotationCall product)
    {
        if (product.Arguments[0] is not NotationAccess first || product.Arguments[1] is not NotationAccess second)
        {
            return null;
        }

        Accessed a = Access(first);
        Accessed b = Access(second);
        if (!IsDirect(a) || !IsDirect(b) || _builder[a.Value].Element != _builder[b.Value].Element || _builder[a.Value].Element == ElementType.Bool)
        {
            return null;
        }

        string[] ofA = [.. Indices(a)];
        string[] ofB = [.. Indices(b)];
        string[] depth = [.. reduction.Indices];
        string[] result = Sorted(ofA.Union(ofB).Except(depth));
        if (depth.Any(index => !ofA.Contains(index) && !ofB.Contains(index)))
        {
            return null;
        }

        // The second operand's columns are what lies side by side in the result; the product of two numbers has no order.
        if (result.Length > 0 && !ofB.Contains(result[^1]))
        {
            (a, b) = (b, a);
            (ofA, ofB) = (ofB, ofA);
        }

        ProductAxis Axis(string index)
        {
            (int axisA, int scaleA) = Where(a, index);
            (int axisB, int scaleB) = Where(b, index);
            return new ProductAxis(_extents[index], axisA, scaleA, axisB, scaleB, Array.IndexOf(result, index), 1);
        }

        EquatableArray<ProductAxis> Axes(IEnumerable<string> indices) => EquatableArray.Create<ProductAxis>([.. indices.Select(Axis)]);
        var axes = new ProductAxes(
            Axes(result.Where(index => ofA.Contains(index) && ofB.Contains(index))), Axes(result.Except(ofB)), Axes(result.Except(ofA)), Axes(depth));
        int[] shape = ShapeOf(product.Place, result);
        return new Labelled(Apply(product.Place, new IndexedProduct(axes, EquatableArray.Create<int>(shape)), a.Value, b.Value), result);
    }

    private static IEnumerable<string> Indices(Accessed accessed) => accessed.Positions.SelectMany(position => position.Terms).Select(term => term.Index);

    private static bool IsDirect(Accessed accessed) =>
        accessed.Positions.All(position => position.Offset == 0 && position.Terms.All(term => term.Factor > 0))
        && Indices(accessed).Distinct().Count() == Indices(accessed).Count();

    private static (int Axis, int Scale) Where(Accessed accessed, string index)
    {
        for (int axis = 0; axis < accessed.Positions.Length; axis++)
        {
            foreach (NotationTerm term in accessed.Positions[axis].Terms)
            {
                if (term.Index == index)
                {
                    return (axis, term.Factor);
                }
            }
        }

        return (-1, 1);
    }

    /// <summary>The extents of some indices, of which a tensor can be made.</summary>
    private int[] ShapeOf(NotationPlace place, string[] indices)
    {
        int[] shape = [.. indices.Select(index => _extents[index])];
        return shape.Length > Kernels.Memory.NdShape.MaximumRank || shape.Aggregate(1d, (product, extent) => product * extent) > int.MaxValue
            ? throw place.Error(_source, $"at most {Kernels.Memory.NdShape.MaximumRank} indices and {int.MaxValue} elements at a time", string.Join(" x ", shape), "split the statement")
            : shape;
    }

    private string[] Sorted(IEnumerable<string> indices) => [.. indices.Distinct().OrderBy(_order.IndexOf)];

    private Labelled Include(Labelled value, IEnumerable<string> wanted)
    {
        string[] indices = Sorted(value.Indices.Concat(wanted));
        if (indices.Length == value.Indices.Length)
        {
            return value;
        }

        int[] added = [.. Enumerable.Range(0, indices.Length).Where(axis => !value.Indices.Contains(indices[axis]))];
        int[] shape = ShapeOf(_statement.Place, indices);
        return new Labelled(Apply(_statement.Place, new Repeat(EquatableArray.Create<int>(shape), EquatableArray.Create<int>(added)), value.Value), indices);
    }

    private ValueId Align(Labelled value, string[] indices)
    {
        int[] shape = [.. indices.Select(index => value.Indices.Contains(index) ? _extents[index] : 1)];
        shape = [.. shape.Skip(indices.TakeWhile(index => !value.Indices.Contains(index)).Count())];
        return shape.Length == value.Indices.Length ? value.Value : _builder.Apply(new Reshape(EquatableArray.Create<int>(shape)), value.Value);
    }

    /// <summary>An operator's own complaint becomes one with line and column.</summary>
    private ValueId Apply(NotationPlace place, Operator op, params ReadOnlySpan<ValueId> inputs)
    {
        try
        {
            return _builder.Apply(op, inputs);
        }
        catch (Kernels.Errors.RduException error) when (error.Id == Kernels.Errors.ErrorCatalogue.GraphIllegal)
        {
            var types = new List<string>();
            foreach (ValueId input in inputs)
            {
                types.Add(_builder[input].ToString());
            }

            throw place.Error(_source, $"tensors that {op.Name} takes", string.Join("; ", types));
        }
    }
}
