using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx;

/// <summary>Layout, reductions, products and gathers over tensors of any rank.</summary>
/// <remarks>
/// What has no operator in ONNX is a Gather with known positions and one that has: IndexView, AxisMap, Spread, windows other than
/// maxima (Gather, Reduce), IndexedProduct (Transpose or Gather, MatMul), GatherSum (Gather, ReduceSum).
/// </remarks>
public sealed partial class OnnxExporter
{
    /// <summary>Positions of a Gather that are written into a model at most: 256 MB of them.</summary>
    private const long MaximumPositions = 1 << 25;

    /// <returns>False if the operator is not one of these.</returns>
    private bool TryExportTensor(Node node)
    {
        TensorType output = _graph[node.Output].Type;
        TensorType first = node.Inputs.Count > 0 ? _graph[node.Inputs[0]].Type : output;
        switch (node.Operator)
        {
            case Reshape reshape:
                ExportReshape(node, NameOf(node.Inputs[0]), [.. reshape.Shape]);
                return true;
            case Transpose transpose:
                Emit("Transpose", node, Inputs(node), Attribute("perm", Longs(transpose.Permutation)));
                return true;
            case Expand expand:
                Emit("Expand", node, [NameOf(node.Inputs[0]), Integers($"{node.Name}.shape", Longs(expand.Shape))]);
                return true;
            case Repeat repeat:
                int[] axes = [.. repeat.Shape.Select((_, axis) => repeat.Added.Contains(axis) ? -1 : axis)];
                int[] own = [.. axes.Select(axis => axis < 0 ? 1 : first.Shape[axes.Take(axis).Count(other => other >= 0)])];
                string cut = Reshaped(node, "cut", NameOf(node.Inputs[0]), own);
                Emit("Expand", node, [cut, Integers($"{node.Name}.shape", Longs(repeat.Shape))]);
                return true;
            case Slice slice:
                ExportSlice(node, slice);
                return true;
            case Pad pad:
                string amounts = Integers($"{node.Name}.pads", [.. Longs(pad.Before), .. Longs(pad.After)]);
                int[] words = first.Element.WordsPerElement() == 2 ? [(int)pad.Fill, (int)(pad.Fill >> 32)] : [(int)pad.Fill];
                Emit("Pad", node, [NameOf(node.Inputs[0]), amounts, Initialize($"{node.Name}.fill", HostTensor.FromWords(TensorType.Whole(first.Element), words))]);
                return true;
            case Join join:
                Emit("Concat", node, Inputs(node), Attribute("axis", join.Axis));
                return true;
            case AxisMap map:
                Rename(node, Mapped(node, "mapped", NameOf(node.Inputs[0]), first, map.Axis, [.. map.Map]));
                return true;
            case Spread spread:
                ExportSpread(node, first, spread);
                return true;
            case IndexView view:
                Rename(node, Viewed(node, "view", node.Inputs[0], [.. view.Shape], [.. view.Factors], [.. view.Offsets]));
                return true;
            case Gather gather:
                Emit("Gather", node, Inputs(node), Attribute("axis", gather.Axis));
                return true;
            case GatherElements gather:
                Emit("GatherElements", node, Inputs(node), Attribute("axis", gather.Axis));
                return true;
            case GatherND gather:
                string positions = Part("Cast", node, "positions", [NameOf(node.Inputs[1])], Attribute("to", (long)TensorKind.Int64));
                Emit("GatherND", node, [NameOf(node.Inputs[0]), positions], Attribute("batch_dims", gather.BatchAxes));
                return true;
            case GatherSum:
                string rows = Part("Gather", node, "rows", Inputs(node), Attribute("axis", 0));
                Emit("ReduceSum", node, [rows, Integers($"{node.Name}.axes", [_graph[node.Inputs[1]].Type.Rank - 1])], Attribute("keepdims", 0));
                return true;
            case ScatterElements scatter:
                Emit("ScatterElements", node, Inputs(node), [Attribute("axis", scatter.Axis), .. Reduction(scatter.Kind)]);
                return true;
            case ScatterND scatter:
                string targets = Part("Cast", node, "positions", [NameOf(node.Inputs[1])], Attribute("to", (long)TensorKind.Int64));
                Emit("ScatterND", node, [NameOf(node.Inputs[0]), targets, NameOf(node.Inputs[2])], Reduction(scatter.Kind));
                return true;
            case Operators.Scan scan:
                string axisOfScan = Initialize($"{node.Name}.axis", HostTensor.Scalar((long)scan.Axis));
                Emit(
                    scan.IsProduct ? "CumProd" : "CumSum", node, [NameOf(node.Inputs[0]), axisOfScan],
                    Attribute("exclusive", scan.Exclusive ? 1 : 0), Attribute("reverse", scan.Reverse ? 1 : 0));
                return true;
            case SelectPositions select:
                ExportSelection(node, select);
                return true;
            case Reduce reduce:
                ExportReduce(node, reduce.Kind, NameOf(node.Inputs[0]), [.. reduce.Axes], reduce.KeepAxes);
                return true;
            case LogSumExp sum when sum.Axes.Count > 0:
                EmitReduce("ReduceLogSumExp", node, NameOf(node.Inputs[0]), [.. sum.Axes], sum.KeepAxes);
                return true;
            case MatMul product:
                ExportMatMul(node, product, first, _graph[node.Inputs[1]].Type);
                return true;
            case IndexedProduct product:
                ExportIndexedProduct(node, product);
                return true;
            case Convolution convolution when output.Element.IsFloat():
                ExportConvolution(node, convolution);
                return true;
            case Convolution { Flipped: false } convolution:
                ExportIntegerConvolution(node, convolution, first, _graph[node.Inputs[1]].Type, output);
                return true;
            case WindowReduce window:
                ExportWindows(node, window, first, output);
                return true;
            default:
                return false;
        }
    }

    private static AttributeProto[] Reduction(ScatterKind kind) => kind switch
    {
        ScatterKind.Add => [TextAttribute("reduction", "add")],
        ScatterKind.Multiply => [TextAttribute("reduction", "mul")],
        ScatterKind.Minimum => [TextAttribute("reduction", "min")],
        ScatterKind.Maximum => [TextAttribute("reduction", "max")],
        _ => [],
    };

    private void ExportReshape(Node node, string x, int[] shape) =>
        Emit("Reshape", node, [x, Integers($"{node.Name}.shape", Longs(shape))], shape.Contains(0) ? [Attribute("allowzero", 1)] : []);

    private string Reshaped(Node node, string suffix, string x, int[] shape) =>
        Part("Reshape", node, suffix, [x, Integers($"{node.Name}.{suffix}.shape", Longs(shape))], shape.Contains(0) ? [Attribute("allowzero", 1)] : []);

    private void Rename(Node node, string value) => Emit("Identity", node, [value]);

    private void ExportSlice(Node node, Slice slice)
    {
        long End(int axis)
        {
            long end = slice.Starts[axis] + (long)slice.Counts[axis] * slice.Steps[axis];

            // Below 0 an end would count from the end: what ONNX calls far enough is the least number.
            return slice.Counts[axis] == 0 ? slice.Starts[axis] : end < 0 ? int.MinValue : end;
        }

        string Name(string part, IEnumerable<long> values) => Integers($"{node.Name}.{part}", [.. values]);
        int[] axes = [.. Enumerable.Range(0, slice.Starts.Count)];
        Emit(
            "Slice", node,
            [
                NameOf(node.Inputs[0]), Name("starts", axes.Select(axis => (long)slice.Starts[axis])), Name("ends", axes.Select(End)),
                Name("axes", axes.Select(axis => (long)axis)), Name("steps", axes.Select(axis => (long)slice.Steps[axis])),
            ]);
    }

    private void ExportSpread(Node node, TensorType type, Spread spread)
    {
        string x = NameOf(node.Inputs[0]);
        for (int axis = 0; axis < type.Rank; axis++)
        {
            int step = spread.Steps[axis];
            if (step == 1 || type.Shape[axis] == 0)
            {
                continue;
            }

            int[] map = [.. Enumerable.Range(0, (type.Shape[axis] - 1) * step + 1).Select(i => i % step == 0 ? i / step : -1)];
            x = Mapped(node, $"axis{axis}", x, type, axis, map);
            int[] shape = [.. type.Shape];
            shape[axis] = map.Length;
            type = type with { Shape = EquatableArray.Create<int>(shape) };
        }

        Rename(node, x);
    }

    /// <summary>Index i of an axis is index map[i] of x's; for -1 a zero, which is put behind the last index first.</summary>
    private string Mapped(Node node, string suffix, string x, TensorType type, int axis, int[] map)
    {
        if (map.Contains(-1))
        {
            var amounts = new long[2 * type.Rank];
            amounts[type.Rank + axis] = 1;
            x = Part("Pad", node, $"{suffix}.padded", [x, Integers($"{node.Name}.{suffix}.pads", amounts)]);
        }

        long[] positions = [.. map.Select(index => index < 0 ? (long)type.Shape[axis] : index)];
        return Part("Gather", node, suffix, [x, Positions(node, $"{suffix}.positions", positions, positions.Length)], Attribute("axis", axis));
    }

    /// <summary>The elements of a value at sums of indices: a Transpose if it is one, else a Gather from the flat value.</summary>
    /// <param name="factors">For each axis of the value the factor of each index.</param>
    private string Viewed(Node node, string suffix, ValueId value, int[] shape, int[] factors, int[] offsets)
    {
        TensorType type = _graph[value].Type;
        int count = shape.Length;
        int[] axisOf = [.. Enumerable.Range(0, count).Select(index => AxisOf(factors, type.Rank, count, index))];
        bool isTranspose = count == type.Rank && offsets.All(offset => offset == 0) && axisOf.Order().SequenceEqual(Enumerable.Range(0, count))
            && Enumerable.Range(0, count).All(index => factors[axisOf[index] * count + index] == 1 && shape[index] == type.Shape[axisOf[index]]);
        if (isTranspose)
        {
            return Part("Transpose", node, suffix, [NameOf(value)], Attribute("perm", Longs(axisOf)));
        }

        long elements = shape.Aggregate(1L, (product, extent) => product * extent);
        RequirePositions(node, elements);
        var strides = new long[type.Rank];
        long stride = 1;
        for (int axis = type.Rank - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride *= type.Shape[axis];
        }

        var steps = new long[count];
        long start = 0;
        for (int axis = 0; axis < type.Rank; axis++)
        {
            start += offsets[axis] * strides[axis];
            for (int index = 0; index < count; index++)
            {
                steps[index] += factors[axis * count + index] * strides[axis];
            }
        }

        var positions = new long[elements];
        for (long i = 0; i < elements; i++)
        {
            long rest = i;
            positions[i] = start;
            for (int index = count - 1; index >= 0; index--)
            {
                positions[i] += rest % shape[index] * steps[index];
                rest /= shape[index];
            }
        }

        string flat = Reshaped(node, $"{suffix}.flat", NameOf(value), [checked((int)type.CountElements)]);
        return Part("Gather", node, suffix, [flat, Positions(node, $"{suffix}.positions", positions, shape)], Attribute("axis", 0));
    }

    /// <summary>The one axis that an index runs along; -1 if there are none or several.</summary>
    private static int AxisOf(int[] factors, int rank, int count, int index)
    {
        int[] axes = [.. Enumerable.Range(0, rank).Where(axis => factors[axis * count + index] != 0)];
        return axes.Length == 1 ? axes[0] : -1;
    }

    private string Positions(Node node, string suffix, long[] positions, params int[] shape)
    {
        RequirePositions(node, positions.Length);
        return Initialize($"{node.Name}.{suffix}", HostTensor.Create<long>(positions, shape));
    }

    private static void RequirePositions(Node node, long count)
    {
        if (count > MaximumPositions)
        {
            throw NotExported($"node {node.Name} ({node.Operator.Name})", $"a Gather of at most {MaximumPositions} positions, which stand in the model", $"{count}", "export a smaller shape");
        }
    }

    private void ExportSelection(Node node, SelectPositions select)
    {
        if (select.Count == 1)
        {
            Emit(
                select.Largest ? "ArgMax" : "ArgMin", node, Inputs(node),
                Attribute("axis", select.Axis), Attribute("keepdims", 1), Attribute("select_last_index", select.LastOfEqual ? 1 : 0));
            return;
        }

        if (select.LastOfEqual)
        {
            throw NotExported($"node {node.Name}", "the first of equal elements, as TopK has it", "the last of them", "select one element");
        }

        var proto = new NodeProto { Name = node.Name, OpType = "TopK" };
        proto.Inputs.AddRange([NameOf(node.Inputs[0]), Integers($"{node.Name}.count", [select.Count])]);
        proto.Outputs.AddRange([$"{node.Name}.values", _names[node.Output.Index]]);
        proto.Attributes.AddRange([Attribute("axis", select.Axis), Attribute("largest", select.Largest ? 1 : 0), Attribute("sorted", 1)]);
        _proto.Nodes.Add(proto);
    }

    private void ExportReduce(Node node, ReduceKind kind, string x, int[] axes, bool keepAxes)
    {
        if (axes.Length == 0)
        {
            // Of each element by itself.
            switch (kind)
            {
                case ReduceKind.L1:
                    Emit("Abs", node, [x]);
                    break;
                case ReduceKind.SumSquare:
                    Emit("Mul", node, [x, x]);
                    break;
                case ReduceKind.L2:
                    Emit("Sqrt", node, [Part("Mul", node, "square", [x, x])]);
                    break;
                case ReduceKind.LogSum:
                    Emit("Log", node, [x]);
                    break;
                default:
                    Rename(node, x);
                    break;
            }

            return;
        }

        EmitReduce(NameOf(kind), node, x, axes, keepAxes);
    }

    private static string NameOf(ReduceKind kind) => kind switch
    {
        ReduceKind.Sum => "ReduceSum",
        ReduceKind.Mean => "ReduceMean",
        ReduceKind.Max => "ReduceMax",
        ReduceKind.Min => "ReduceMin",
        ReduceKind.Product => "ReduceProd",
        ReduceKind.L1 => "ReduceL1",
        ReduceKind.L2 => "ReduceL2",
        ReduceKind.SumSquare => "ReduceSumSquare",
        _ => "ReduceLogSum",
    };

    /// <summary>Axes are an input since operator set 18; of ReduceSum since 13.</summary>
    private void EmitReduce(string type, Node node, string x, int[] axes, bool keepAxes)
    {
        AttributeProto keep = Attribute("keepdims", keepAxes ? 1 : 0);
        if (type == "ReduceSum" || _opset >= 18)
        {
            Emit(type, node, [x, Integers($"{node.Name}.axes", Longs(axes))], keep);
        }
        else
        {
            Emit(type, node, [x], Attribute("axes", Longs(axes)), keep);
        }
    }

    private void ExportMatMul(Node node, MatMul product, TensorType a, TensorType b)
    {
        if (a.Element is ElementType.Int8 or ElementType.UInt8)
        {
            Emit("MatMulInteger", node, [Turned(node, "a", node.Inputs[0], product.TransposeA), Turned(node, "b", node.Inputs[1], product.TransposeB)]);
        }
        else if (a.Rank == 2 && b.Rank == 2 && a.Element.IsFloat() && (product.TransposeA || product.TransposeB))
        {
            Emit("Gemm", node, Inputs(node), Attribute("transA", product.TransposeA ? 1 : 0), Attribute("transB", product.TransposeB ? 1 : 0));
        }
        else
        {
            Emit("MatMul", node, [Turned(node, "a", node.Inputs[0], product.TransposeA), Turned(node, "b", node.Inputs[1], product.TransposeB)]);
        }
    }

    private string Turned(Node node, string suffix, ValueId value, bool turn)
    {
        int rank = _graph[value].Type.Rank;
        long[] order = [.. Enumerable.Range(0, rank).Select(axis => (long)(axis < rank - 2 ? axis : 2 * rank - 3 - axis))];
        return turn ? Part("Transpose", node, suffix, [NameOf(value)], Attribute("perm", order)) : NameOf(value);
    }

    /// <summary>Both operands as stacks of matrices [batch, rows, depth] and [batch, depth, columns], in the order of the loops.</summary>
    private void ExportIndexedProduct(Node node, IndexedProduct product)
    {
        ProductAxes axes = product.Axes;
        int[] stack = [Count(axes.Batch), Count(axes.Rows), Count(axes.Columns), Count(axes.Depth)];
        string Matrix(string suffix, int input, IEnumerable<ProductAxis> loops, Func<ProductAxis, (int Axis, int Scale)> of, params int[] shape)
        {
            ProductAxis[] all = [.. loops];
            int rank = _graph[node.Inputs[input]].Type.Rank;
            var factors = new int[rank * all.Length];
            for (int loop = 0; loop < all.Length; loop++)
            {
                (int axis, int scale) = of(all[loop]);
                if (axis >= 0)
                {
                    factors[axis * all.Length + loop] = scale;
                }
            }

            string view = Viewed(node, suffix, node.Inputs[input], [.. all.Select(loop => loop.Extent)], factors, new int[rank]);
            return Reshaped(node, $"{suffix}.matrices", view, shape);
        }

        string a = Matrix("a", 0, [.. axes.Batch, .. axes.Rows, .. axes.Depth], axis => (axis.AxisA, axis.ScaleA), stack[0], stack[1], stack[3]);
        string b = Matrix("b", 1, [.. axes.Batch, .. axes.Depth, .. axes.Columns], axis => (axis.AxisB, axis.ScaleB), stack[0], stack[3], stack[2]);
        string sums = Part("MatMul", node, "sums", [a, b]);
        ProductAxis[] result = [.. axes.Batch, .. axes.Rows, .. axes.Columns];
        string tensor = Reshaped(node, "tensor", sums, [.. result.Select(axis => axis.Extent)]);
        long[] order = [.. Enumerable.Range(0, result.Length).Select(axis => (long)Array.FindIndex(result, loop => loop.AxisY == axis))];
        Emit("Transpose", node, [tensor], Attribute("perm", order));
    }

    private static int Count(EquatableArray<ProductAxis> loops) => loops.Aggregate(1, (product, axis) => checked(product * axis.Extent));

    /// <summary>The gathering form of a transposed convolution is one whose padding cuts off what no whole window reaches.</summary>
    private void ExportConvolution(Node node, Convolution convolution)
    {
        AttributeProto[] shared = [Attribute("dilations", Longs(convolution.Dilations)), Attribute("group", convolution.Groups)];
        if (!convolution.Flipped)
        {
            Emit("Conv", node, Inputs(node), [Attribute("strides", Longs(convolution.Strides)), .. shared]);
            return;
        }

        if (convolution.Strides.Any(stride => stride != 1))
        {
            throw NotExported($"node {node.Name}", "strides of 1 of a convolution with turned filters", $"{convolution.Strides}", "convolve all pixels and slice the result");
        }

        int[] taps = [.. _graph[node.Inputs[1]].Type.Shape.Skip(2)];
        long[] cut = [.. convolution.Dilations.Select((dilation, axis) => (long)dilation * (taps[axis] - 1))];
        Emit("ConvTranspose", node, Inputs(node), [Attribute("pads", [.. cut, .. cut]), .. shared]);
    }

    private void ExportWindows(Node node, WindowReduce window, TensorType x, TensorType y)
    {
        if (window.Kind == ReduceKind.Max && (x.Element.IsFloat() || x.Element is ElementType.Int8 or ElementType.UInt8))
        {
            Emit(
                "MaxPool", node, Inputs(node), Attribute("kernel_shape", Longs(window.Taps)), Attribute("strides", Longs(window.Strides)),
                Attribute("dilations", Longs(window.Dilations)));
            return;
        }

        string flat = Reshaped(node, "flat", NameOf(node.Inputs[0]), [x.Shape[0], x.Shape[1], Product(x.Shape.Skip(2))]);
        string positions = WindowPositions(node, [.. x.Shape.Skip(2)], [.. y.Shape.Skip(2)], [.. window.Taps], window.Strides, window.Dilations);
        string gathered = Part("Gather", node, "windows", [flat, positions], Attribute("axis", 2));
        string reduced = $"{node.Name}.reduced";
        AttributeProto keep = Attribute("keepdims", 0);
        string type = NameOf(window.Kind);
        if (type == "ReduceSum" || _opset >= 18)
        {
            Emit(type, reduced, [gathered, Integers($"{node.Name}.axes", [3])], reduced, keep);
        }
        else
        {
            Emit(type, reduced, [gathered], reduced, Attribute("axes", [3L]), keep);
        }

        ExportReshape(node, reduced, [.. y.Shape]);
    }

    /// <summary>Positions in a flat image, windows side by side along one axis, their taps along another.</summary>
    private string WindowPositions(Node node, int[] image, int[] result, int[] taps, EquatableArray<int> strides, EquatableArray<int> dilations)
    {
        int[] extents = [.. result, .. taps];
        long count = extents.Aggregate(1L, (product, extent) => product * extent);
        RequirePositions(node, count);
        var positions = new long[count];
        var at = new long[extents.Length];
        for (long i = 0; i < count; i++)
        {
            long rest = i;
            long stride = 1;
            for (int axis = extents.Length - 1; axis >= 0; axis--)
            {
                at[axis] = rest % extents[axis];
                rest /= extents[axis];
            }

            for (int axis = image.Length - 1; axis >= 0; axis--)
            {
                positions[i] += (at[axis] * strides[axis] + at[image.Length + axis] * dilations[axis]) * stride;
                stride *= image[axis];
            }
        }

        return Positions(node, "positions", positions, Product(result), Product(taps));
    }

    /// <summary>ONNX has convolutions of floats only: integers are gathered into windows and multiplied, in any order.</summary>
    private void ExportIntegerConvolution(Node node, Convolution convolution, TensorType x, TensorType w, TensorType y)
    {
        int groups = convolution.Groups;
        int channels = w.Shape[1];
        int taps = Product(w.Shape.Skip(2));
        int windows = Product(y.Shape.Skip(2));
        string flat = Reshaped(node, "flat", NameOf(node.Inputs[0]), [x.Shape[0], groups, channels, Product(x.Shape.Skip(2))]);
        string positions = WindowPositions(node, [.. x.Shape.Skip(2)], [.. y.Shape.Skip(2)], [.. w.Shape.Skip(2)], convolution.Strides, convolution.Dilations);
        string gathered = Part("Gather", node, "windows", [flat, positions], Attribute("axis", 3));
        string turned = Part("Transpose", node, "rows", [gathered], Attribute("perm", 0, 1, 3, 2, 4));
        string rows = Reshaped(node, "matrix", turned, [x.Shape[0], groups, windows, channels * taps]);
        string filters = Reshaped(node, "filters", NameOf(node.Inputs[1]), [groups, w.Shape[0] / groups, channels * taps]);
        string columns = Part("Transpose", node, "columns", [filters], Attribute("perm", 0, 2, 1));
        string sums = Part("MatMul", node, "sums", [rows, columns]);
        ExportReshape(node, Part("Transpose", node, "channels", [sums], Attribute("perm", 0, 1, 3, 2)), [.. y.Shape]);
    }

    private static int Product(IEnumerable<int> extents) => extents.Aggregate(1, (product, extent) => checked(product * extent));

    private static long[] Longs(IEnumerable<int> values) => [.. values.Select(value => (long)value)];
}
