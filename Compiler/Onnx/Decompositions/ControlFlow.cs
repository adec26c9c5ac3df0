using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>Graphs within nodes: a branch is chosen and a loop unrolled when the model is compiled.</summary>
public static class ControlFlow
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("If", 1, OnnxTypes.Bool, If) { IsStructural = true, HasGradient = true },
        new("Loop", 1, OnnxTypes.All, Loop) { IsStructural = true, HasGradient = true },
        new("Scan", 8, OnnxTypes.All, ScanOfBatches) { LastOpset = 8, IsStructural = true, HasGradient = true },
        new("Scan", 9, OnnxTypes.All, Scan) { IsStructural = true, HasGradient = true },
    ];

    private static IReadOnlyList<OnnxValue> If(OnnxNode node)
    {
        node.Ignore("then_branch", "else_branch");
        HostTensor condition = node.Known(0, "a condition");
        return condition.Count == 1
            ? node.Inline(condition.ToIntegers()[0] != 0 ? "then_branch" : "else_branch")
            : throw node.Unsupported("a condition of one element", condition.Type.ToString());
    }

    /// <summary>
    /// Inputs: trip count and condition, either may be left out, then what is carried from one iteration to the next. The body takes
    /// (iteration, condition, carried ...) and gives (condition, carried ..., a row of each scan output ...).
    /// </summary>
    private static IReadOnlyList<OnnxValue> Loop(OnnxNode node)
    {
        long trips = node.HasInput(0) ? node.KnownInteger(0, "a trip count") : long.MaxValue;
        bool goesOn = !node.HasInput(1) || node.KnownInteger(1, "a condition") != 0;
        int carriedCount = Math.Max(0, node.CountGraphInputs("body") - 2);
        List<OnnxValue> carried = [.. Enumerable.Range(0, carriedCount).Select(i => node.Value(2 + i))];
        int rowCount = node.OutputCount - carriedCount;
        if (rowCount < 0)
        {
            throw node.Unsupported($"at least {carriedCount} outputs", $"{node.OutputCount}");
        }

        var rows = new List<OnnxValue>[rowCount];
        for (int i = 0; i < rowCount; i++)
        {
            rows[i] = [];
        }

        IReadOnlyList<OnnxValue>? lastOutputs = null;
        for (long trip = 0; trip < trips && goesOn; trip++)
        {
            IReadOnlyList<OnnxValue> outputs = node.Inline("body", [HostTensor.Scalar(trip), HostTensor.Scalar(true), .. carried]);
            if (outputs.Count < 1 + carriedCount + rowCount)
            {
                throw node.Unsupported($"a body with {1 + carriedCount + rowCount} outputs", $"{outputs.Count}");
            }

            HostTensor condition = node.Known(outputs[0], "the condition of a loop");
            goesOn = condition.Count == 1 ? condition.ToIntegers()[0] != 0 : throw node.Unsupported("a condition of one element", condition.Type.ToString());
            carried = [.. outputs.Skip(1).Take(carriedCount)];
            for (int i = 0; i < rowCount; i++)
            {
                rows[i].Add(outputs[1 + carriedCount + i]);
            }

            lastOutputs = outputs;
        }

        // Without an iteration the type of a row is what the body would have given.
        lastOutputs ??= rowCount > 0 ? node.Inline("body", [HostTensor.Scalar(0L), HostTensor.Scalar(true), .. carried]) : [];
        return [.. carried, .. rows.Select((values, i) => Stack(node, values, 0, node.Session.TypeOf(lastOutputs[1 + carriedCount + i])))];
    }

    private static List<OnnxValue> Scan(OnnxNode node)
    {
        int scanned = (int)Math.Clamp(node.Integer("num_scan_inputs", 0), 0, node.InputCount);
        int carriedCount = node.InputCount - scanned;
        long[]? inputAxes = node.Integers("scan_input_axes");
        long[]? outputAxes = node.Integers("scan_output_axes");
        long[]? inputDirections = node.Integers("scan_input_directions");
        long[]? outputDirections = node.Integers("scan_output_directions");
        OnnxValue[] inputs = [.. Enumerable.Range(0, node.InputCount).Select(node.Value)];
        return Scan(
            node, inputs[..carriedCount], inputs[carriedCount..], inputAxes, outputAxes, inputDirections, outputDirections);
    }

    /// <summary>Opset 8: every value has a batch axis in front, each sequence is scanned by itself, axis 1 being time.</summary>
    private static IReadOnlyList<OnnxValue> ScanOfBatches(OnnxNode node)
    {
        if (node.InputCount < 2)
        {
            throw node.Unsupported("lengths and at least one scanned input", $"{node.InputCount} inputs");
        }

        int scanned = (int)Math.Clamp(node.Integer("num_scan_inputs", 0), 0, node.InputCount - 1);
        int carriedCount = node.InputCount - 1 - scanned;
        long[]? directions = node.Integers("directions");
        if (node.HasInput(0))
        {
            throw node.Unsupported("sequences of one length", "lengths");
        }

        ValueId[] inputs = [.. Enumerable.Range(1, node.InputCount - 1).Select(i => node[i])];
        if (inputs.Any(input => node.TypeOf(input).Rank == 0))
        {
            throw node.Unsupported("inputs with a batch axis", "a scalar");
        }

        int batch = node.TypeOf(inputs[0]).Shape[0];
        var results = new List<ValueId>[node.OutputCount];
        for (int i = 0; i < results.Length; i++)
        {
            results[i] = [];
        }

        for (int b = 0; b < batch; b++)
        {
            OnnxValue[] own = [.. inputs.Select(input => (OnnxValue)Row(node, input, 0, b))];
            List<OnnxValue> outputs = Scan(node, own[..carriedCount], own[carriedCount..], null, null, directions, null);
            if (outputs.Count < results.Length)
            {
                throw node.Unsupported($"a body with {results.Length} outputs", $"{outputs.Count}");
            }

            for (int i = 0; i < results.Length; i++)
            {
                ValueId output = node.Session.IdOf(outputs[i]);
                results[i].Add(node.Reshape(output, [1, .. node.TypeOf(output).Shape]));
            }
        }

        return batch > 0 ? [.. results.Select(values => (OnnxValue)node.Joined(0, [.. values]))] : throw node.Unsupported("at least one sequence", "none");
    }

    private static List<OnnxValue> Scan(
        OnnxNode node, OnnxValue[] initial, OnnxValue[] scanned, long[]? inputAxes, long[]? outputAxes, long[]? inputDirections, long[]? outputDirections)
    {
        if (scanned.Length == 0)
        {
            throw node.Unsupported("at least one scanned input", "none");
        }

        ValueId[] ids = [.. scanned.Select(node.Session.IdOf)];
        int[] axes = [.. ids.Select((id, i) => node.Axis(inputAxes is not null && i < inputAxes.Length ? inputAxes[i] : 0, node.TypeOf(id).Rank))];
        int length = node.TypeOf(ids[0]).Shape[axes[0]];
        if (ids.Where((id, i) => node.TypeOf(id).Shape[axes[i]] != length).Any())
        {
            throw node.Unsupported($"scanned inputs of length {length}", "others");
        }

        if (length == 0)
        {
            throw node.Unsupported("sequences of at least one element", "an empty one");
        }

        OnnxValue[] carried = initial;
        var rows = new List<List<OnnxValue>>();
        for (int t = 0; t < length; t++)
        {
            OnnxValue[] elements =
            [
                .. ids.Select((id, i) => (OnnxValue)Row(
                    node, id, axes[i], inputDirections is not null && i < inputDirections.Length && inputDirections[i] == 1 ? length - 1 - t : t)),
            ];
            IReadOnlyList<OnnxValue> outputs = node.Inline("body", [.. carried, .. elements]);
            carried = [.. outputs.Take(initial.Length)];
            for (int i = 0; i < outputs.Count - initial.Length; i++)
            {
                if (rows.Count <= i)
                {
                    rows.Add([]);
                }

                rows[i].Insert(outputDirections is not null && i < outputDirections.Length && outputDirections[i] == 1 ? 0 : rows[i].Count, outputs[initial.Length + i]);
            }
        }

        return
        [
            .. carried,
            .. rows.Select((values, i) => Stack(
                node, values, outputAxes is not null && i < outputAxes.Length ? outputAxes[i] : 0, node.Session.TypeOf(values[0]))),
        ];
    }

    private static ValueId Row(OnnxNode node, ValueId value, int axis, int index)
    {
        ValueId row = node.Part(value, axis, index, 1);
        return node.Reshape(row, [.. node.TypeOf(row).Shape.Where((_, a) => a != axis)]);
    }

    /// <summary>Values of one type along a new axis.</summary>
    private static OnnxValue Stack(OnnxNode node, List<OnnxValue> values, long axis, TensorType type)
    {
        int at = node.Axis(axis, type.Rank + 1);
        int[] shape = [.. type.Shape.Take(at), 1, .. type.Shape.Skip(at)];
        if (values.Count == 0)
        {
            shape[at] = 0;
            return new HostTensor(TensorType.Whole(type.Element, shape), Array.Empty<byte>());
        }

        if (values.TrueForAll(value => value.Known is not null))
        {
            // Known rows stay known: shapes are computed in loops too.
            return at == 0 && values.TrueForAll(value => value.Known!.Type == values[0].Known!.Type)
                ? new HostTensor(TensorType.Whole(type.Element, [values.Count, .. type.Shape]), values.SelectMany(value => value.Known!.Bytes.ToArray()).ToArray())
                : node.Joined(at, [.. values.Select(value => node.Reshape(node.Session.IdOf(value), shape))]);
        }

        return node.Joined(at, [.. values.Select(value => node.Reshape(node.Session.IdOf(value), shape))]);
    }
}
