using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>Einsum, determinants, and sums of patches into images.</summary>
public static class Products
{
    private const int MaximumDeterminant = 5;

    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Einsum", 12, OnnxTypes.Numbers, Einsum) { HasGradient = true },
        new("Det", 11, OnnxTypes.Floats, node => [Determinant(node, node[0])]) { HasGradient = true },
        new("Col2Im", 18, OnnxTypes.Numbers, Col2Im) { HasGradient = true },
        new("MaxUnpool", 9, OnnxTypes.Floats, MaxUnpool) { HasGradient = true },
    ];

    /// <summary>
    /// Operands are joined from the left, each pair as one matrix product over (kept in both, left alone, summed) and (kept in both,
    /// summed, right alone).
    /// </summary>
    private static IReadOnlyList<OnnxValue> Einsum(OnnxNode node)
    {
        string equation = node.Text("equation", string.Empty).Replace(" ", string.Empty, StringComparison.Ordinal);
        string[] sides = equation.Split("->");
        string[] terms = sides[0].Split(',');
        if (sides.Length > 2 || terms.Length != node.InputCount)
        {
            throw node.Unsupported($"an equation of {node.InputCount} terms", equation);
        }

        var operands = new List<(ValueId Value, string Letters)>();
        string ellipsis = string.Empty;
        for (int i = 0; i < terms.Length; i++)
        {
            operands.Add(Operand(node, node[i], terms[i], ref ellipsis));
        }

        string output = sides.Length == 2
            ? sides[1].Replace("...", ellipsis, StringComparison.Ordinal)
            : ellipsis + string.Concat(terms.SelectMany(term => term).Where(char.IsLetter).GroupBy(letter => letter).Where(group => group.Count() == 1).Select(group => group.Key).Order());
        if (output.Distinct().Count() != output.Length || output.Any(letter => !operands.Exists(operand => operand.Letters.Contains(letter, StringComparison.Ordinal))))
        {
            throw node.Unsupported("an output of letters of the inputs, each once", equation);
        }

        (ValueId value, string letters) = operands[0];
        for (int i = 1; i < operands.Count; i++)
        {
            string later = output + string.Concat(operands.Skip(i + 1).Select(operand => operand.Letters));
            (value, letters) = Joined(node, (value, letters), operands[i], later);
        }

        (value, letters) = Summed(node, value, letters, output);
        return [node.Turn(value, [.. output.Select(letter => letters.IndexOf(letter, StringComparison.Ordinal))])];
    }

    /// <summary>An operand with one letter for each axis; a letter that stands twice takes the diagonal.</summary>
    private static (ValueId Value, string Letters) Operand(OnnxNode node, ValueId value, string term, ref string ellipsis)
    {
        int rank = node.TypeOf(value).Rank;
        int named = term.Count(char.IsLetter);
        int dots = term.Contains("...", StringComparison.Ordinal) ? rank - named : 0;
        if (dots < 0 || named + dots != rank || term.Replace("...", string.Empty, StringComparison.Ordinal).Any(letter => !char.IsAsciiLetter(letter)))
        {
            throw node.Unsupported($"a term of {rank} axes", term);
        }

        // Axes of the ellipsis are digits, counted from the end: they broadcast from there.
        string digits = string.Concat(Enumerable.Range(0, dots).Select(i => (char)('0' + 9 - dots + 1 + i)));
        ellipsis = digits.Length > ellipsis.Length ? digits : ellipsis;
        string letters = term.Replace("...", digits, StringComparison.Ordinal);
        while (letters.GroupBy(letter => letter).FirstOrDefault(group => group.Count() > 1) is { } repeated)
        {
            int first = letters.IndexOf(repeated.Key, StringComparison.Ordinal);
            int second = letters.IndexOf(repeated.Key, first + 1);
            int extent = node.TypeOf(value).Shape[first];
            int[] order = [first, second, .. Enumerable.Range(0, letters.Length).Where(axis => axis != first && axis != second)];
            ValueId turned = node.Turn(value, order);
            int[] rest = [.. node.TypeOf(turned).Shape.Skip(2)];
            if (node.TypeOf(turned).Shape[1] != extent)
            {
                throw node.Unsupported("one extent for each letter", term);
            }

            ValueId flat = node.Reshape(turned, [extent * extent, .. rest]);
            value = node.Apply(new AxisMap(0, EquatableArray.Create<int>([.. Enumerable.Range(0, extent).Select(i => i * (extent + 1))])), flat);
            letters = repeated.Key + string.Concat(order.Skip(2).Select(axis => letters[axis]));
        }

        return (value, letters);
    }

    private static (ValueId Value, string Letters) Joined(OnnxNode node, (ValueId Value, string Letters) a, (ValueId Value, string Letters) b, string later)
    {
        // What only one of them has and nobody needs later is summed before.
        a = Summed(node, a.Value, a.Letters, b.Letters + later);
        b = Summed(node, b.Value, b.Letters, a.Letters + later);
        string both = string.Concat(a.Letters.Where(letter => b.Letters.Contains(letter, StringComparison.Ordinal) && later.Contains(letter, StringComparison.Ordinal)));
        string summed = string.Concat(a.Letters.Where(letter => b.Letters.Contains(letter, StringComparison.Ordinal) && !later.Contains(letter, StringComparison.Ordinal)));
        string left = string.Concat(a.Letters.Where(letter => !b.Letters.Contains(letter, StringComparison.Ordinal)));
        string right = string.Concat(b.Letters.Where(letter => !a.Letters.Contains(letter, StringComparison.Ordinal)));
        int Extent((ValueId Value, string Letters) operand, char letter) => operand.Letters.IndexOf(letter, StringComparison.Ordinal) is >= 0 and var axis
            ? node.TypeOf(operand.Value).Shape[axis] : 1;
        int Common(char letter)
        {
            (int x, int y) = (Extent(a, letter), Extent(b, letter));
            return x == y || y == 1 ? x : x == 1 ? y : throw node.Unsupported($"one extent for {letter}", $"{x} and {y}");
        }

        ValueId Matrix((ValueId Value, string Letters) operand, string order, int rows, int columns)
        {
            ValueId turned = node.Turn(operand.Value, [.. order.Select(letter => operand.Letters.IndexOf(letter, StringComparison.Ordinal))]);
            ValueId full = node.Expand(turned, [.. order.Select(Common)]);
            return node.Reshape(full, [.. both.Select(Common), rows, columns]);
        }

        int Count(string letters) => letters.Aggregate(1, (count, letter) => checked(count * Common(letter)));
        ValueId product = node.Product(
            Matrix(a, both + left + summed, Count(left), Count(summed)), Matrix(b, both + summed + right, Count(summed), Count(right)));
        string result = both + left + right;
        return (node.Reshape(product, [.. result.Select(Common)]), result);
    }

    private static (ValueId Value, string Letters) Summed(OnnxNode node, ValueId value, string letters, string kept)
    {
        int[] axes = [.. Enumerable.Range(0, letters.Length).Where(axis => !kept.Contains(letters[axis], StringComparison.Ordinal))];
        return axes.Length == 0
            ? (value, letters)
            : (node.Apply(new Reduce(ReduceKind.Sum, EquatableArray.Create<int>(axes), KeepAxes: false), value), string.Concat(letters.Where(letter => kept.Contains(letter, StringComparison.Ordinal))));
    }

    /// <summary>By the first row and the determinants of what is left without it and a column.</summary>
    private static ValueId Determinant(OnnxNode node, ValueId value)
    {
        TensorType type = node.TypeOf(value);
        int n = type.Rank >= 2 ? type.Shape[^1] : 0;
        if (n is 0 or > MaximumDeterminant || type.Shape[^2] != n)
        {
            throw node.Unsupported($"square matrices of at most {MaximumDeterminant} rows", type.ToString());
        }

        int[] outer = [.. type.Shape.Take(type.Rank - 2)];
        ValueId Element(int column) => node.Reshape(node.Part(node.Part(value, type.Rank - 2, 0, 1), type.Rank - 1, column, 1), outer);
        if (n == 1)
        {
            return Element(0);
        }

        ValueId below = node.Part(value, type.Rank - 2, 1, n - 1);
        ValueId? sum = null;
        for (int column = 0; column < n; column++)
        {
            int[] others = [.. Enumerable.Range(0, n).Where(other => other != column)];
            ValueId minor = node.Apply(new AxisMap(type.Rank - 1, EquatableArray.Create<int>(others)), below);
            ValueId term = node.Times(Element(column), Determinant(node, minor));
            sum = sum is not { } before ? term : column % 2 == 0 ? node.Plus(before, term) : node.Minus(before, term);
        }

        return sum!.Value;
    }

    /// <summary>Patches [N, C · block, L] added where they lie in an image [N, C, ...]: the transpose of taking patches.</summary>
    private static IReadOnlyList<OnnxValue> Col2Im(OnnxNode node)
    {
        int[] image = [.. node.KnownIntegers(1, "an image's shape").Select(node.Extent)];
        int[] block = [.. node.KnownIntegers(2, "a block's shape").Select(node.Extent)];
        int axes = image.Length;
        long[] dilations = node.Integers("dilations") ?? [.. image.Select(_ => 1L)];
        long[] strides = node.Integers("strides") ?? [.. image.Select(_ => 1L)];
        long[] pads = node.Integers("pads") ?? [.. new long[2 * axes]];
        if (block.Length != axes || dilations.Length != axes || strides.Length != axes || pads.Length != 2 * axes || strides.Any(stride => stride < 1))
        {
            throw node.Unsupported($"blocks, dilations, strides and pads of {axes} axes", "others");
        }

        TensorType type = node.RequireRank(0, 3);
        int[] counts = [.. image.Select((extent, axis) => node.Extent((extent + pads[axis] + pads[axes + axis] - dilations[axis] * (block[axis] - 1) - 1) / strides[axis] + 1))];
        int patch = block.Aggregate(1, (count, extent) => checked(count * extent));
        int channels = type.Shape[1] / Math.Max(1, patch);
        ValueId patches = node.Reshape(node[0], [type.Shape[0], channels, patch, .. counts]);
        ValueId? sum = null;
        for (int position = 0; position < patch; position++)
        {
            ValueId part = node.Reshape(node.Part(patches, 2, position, 1), [type.Shape[0], channels, .. counts]);
            int rest = position;
            for (int axis = axes - 1; axis >= 0; axis--)
            {
                int inBlock = rest % block[axis];
                rest /= block[axis];
                var map = new int[image[axis]];
                for (int o = 0; o < map.Length; o++)
                {
                    long from = o + pads[axis] - inBlock * dilations[axis];
                    map[o] = from >= 0 && from % strides[axis] == 0 && from / strides[axis] < counts[axis] ? (int)(from / strides[axis]) : -1;
                }

                part = node.Apply(new AxisMap(2 + axis, EquatableArray.Create<int>(map)), part);
            }

            sum = sum is { } before ? node.Plus(before, part) : part;
        }

        return [sum ?? throw node.Unsupported("blocks with elements", "empty ones")];
    }

    /// <summary>Elements put back to where a pooling found them; zeros elsewhere.</summary>
    private static IReadOnlyList<OnnxValue> MaxUnpool(OnnxNode node)
    {
        TensorType type = node.TypeOf(0);
        int axes = type.Rank - 2;
        long[] kernel = node.Integers("kernel_shape") ?? [];
        long[] strides = node.Integers("strides") ?? [.. kernel.Select(_ => 1L)];
        long[] pads = node.Integers("pads") ?? [.. new long[2 * Math.Max(0, axes)]];
        if (axes < 1 || kernel.Length != axes || strides.Length != axes || pads.Length != 2 * axes)
        {
            throw node.Unsupported($"kernel, strides and pads of {axes} axes", "others");
        }

        int[] shape =
        [
            type.Shape[0], type.Shape[1],
            .. type.Shape.Skip(2).Select((extent, axis) => node.Extent((extent - 1) * strides[axis] + kernel[axis] - pads[axis] - pads[axes + axis])),
        ];
        int count = shape.Aggregate(1, (all, extent) => checked(all * extent));
        int elements = node.Extent(type.CountElements);
        ValueId zeros = node.Session.IdOf(node.Filled(Expressions.ScalarOf(type.Element, 0), count));
        ValueId flat = node.Apply(new ScatterElements(0, ScatterKind.Replace), zeros, node.Reshape(node[1], elements), node.Reshape(node[0], elements));
        ValueId result = node.Reshape(flat, shape);
        if (!node.HasInput(2))
        {
            return [result];
        }

        int[] wanted = [.. node.KnownIntegers(2, "a shape").Select(node.Extent)];
        int[] after = [.. wanted.Select((extent, axis) => extent - shape[axis])];
        return [node.Apply(new Pad(EquatableArray.Create<int>(new int[after.Length]), EquatableArray.Create<int>(after), 0), result)];
    }
}
