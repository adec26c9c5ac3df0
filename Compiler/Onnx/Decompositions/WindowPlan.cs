using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>The windows of an ONNX convolution or pool: its attributes with their defaults, for each axis after the channels.</summary>
internal sealed class WindowPlan
{
    private readonly int[] _image;

    /// <param name="taps">Extents of the window.</param>
    /// <param name="canRoundUp">True if the node may have a last window that is not whole (ceil_mode).</param>
    public WindowPlan(OnnxNode node, TensorType image, int[] taps, bool canRoundUp)
    {
        int axes = image.Rank - 2;
        if (axes is < 1 or > 3 || taps.Length != axes)
        {
            throw node.Unsupported("an image of 1 to 3 axes, and a window over each", image.ToString());
        }

        _image = [.. image.Shape.Skip(2)];
        Taps = taps;
        Strides = Attribute(node, "strides", axes, 1);
        Dilations = Attribute(node, "dilations", axes, 1);
        Before = new int[axes];
        After = new int[axes];
        string autoPad = node.Text("auto_pad", "NOTSET");
        bool roundUp = canRoundUp && node.Flag("ceil_mode");
        long[] pads = node.Integers("pads") ?? new long[2 * axes];
        if (pads.Length != 2 * axes)
        {
            throw node.Unsupported($"{2 * axes} pads", $"{pads.Length}");
        }

        for (int axis = 0; axis < axes; axis++)
        {
            if (autoPad is "SAME_UPPER" or "SAME_LOWER")
            {
                int count = (_image[axis] + Strides[axis] - 1) / Strides[axis];
                int total = Math.Max(0, (count - 1) * Strides[axis] + Reach(axis) - _image[axis]);
                Before[axis] = autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
                After[axis] = total - Before[axis];
            }
            else if (autoPad == "NOTSET")
            {
                Before[axis] = checked((int)pads[axis]);
                After[axis] = checked((int)pads[axis + axes]);
            }
            else if (autoPad != "VALID")
            {
                throw node.Unsupported("auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER", autoPad);
            }
        }

        Counts = new int[axes];
        Extra = new int[axes];
        for (int axis = 0; axis < axes; axis++)
        {
            int padded = checked(_image[axis] + Before[axis] + After[axis]);
            int room = padded - Reach(axis);
            if (room < 0)
            {
                throw node.Unsupported($"an axis that the window of {Reach(axis)} fits into", $"{padded}");
            }

            // A stride beyond the image, or between taps of which there is one, is as good as any.
            Strides[axis] = Math.Min(Strides[axis], Math.Max(1, padded));
            Dilations[axis] = Taps[axis] == 1 ? 1 : Dilations[axis];
            int count = (roundUp ? room + Strides[axis] - 1 : room) / Strides[axis] + 1;

            // The last window must begin inside the image or in front of it.
            count -= roundUp && (count - 1) * Strides[axis] >= _image[axis] + Before[axis] ? 1 : 0;
            Counts[axis] = count;
            Extra[axis] = Math.Max(0, (count - 1) * Strides[axis] + Reach(axis) - padded);
        }
    }

    public int[] Taps { get; }

    public int[] Strides { get; }

    public int[] Dilations { get; }

    public int[] Before { get; }

    public int[] After { get; }

    /// <summary>Windows along each axis.</summary>
    public int[] Counts { get; }

    /// <summary>What the last window reaches beyond the padding.</summary>
    public int[] Extra { get; }

    /// <summary>The image with its padding.</summary>
    public ValueId Padded(OnnxNode node, ValueId image, long fill)
    {
        int[] before = [0, 0, .. Before];
        int[] after = [0, 0, .. After.Select((amount, axis) => amount + Extra[axis])];
        return before.All(amount => amount == 0) && after.All(amount => amount == 0)
            ? image
            : node.Apply(new Pad(EquatableArray.Create<int>(before), EquatableArray.Create<int>(after), fill), image);
    }

    public ValueId Reduce(OnnxNode node, ReduceKind kind, ValueId padded) => node.Apply(
        new WindowReduce(kind, EquatableArray.Create<int>(Taps), EquatableArray.Create<int>(Strides), EquatableArray.Create<int>(Dilations)), padded);

    /// <summary>How many elements each window holds: of the image alone, or of the image with its padding.</summary>
    public HostTensor CountElements(bool withPadding)
    {
        float[] counts = [1f];
        for (int axis = 0; axis < Taps.Length; axis++)
        {
            int begin = withPadding ? 0 : Before[axis];
            int end = withPadding ? Before[axis] + _image[axis] + After[axis] : Before[axis] + _image[axis];
            int[] along = [.. Enumerable.Range(0, Counts[axis]).Select(window => Enumerable.Range(0, Taps[axis])
                .Count(tap => window * Strides[axis] + tap * Dilations[axis] is var at && at >= begin && at < end))];
            counts = [.. counts.SelectMany(count => along.Select(more => count * more))];
        }

        return HostTensor.Create<float>(counts, [1, 1, .. Counts]);
    }

    /// <summary>For each window and tap the position in the image, flattened; out of it, some position in it.</summary>
    /// <param name="columnMajor">True if the first axis runs fastest.</param>
    public HostTensor Positions(bool columnMajor)
    {
        int windows = Counts.Aggregate(1, (product, count) => product * count);
        int taps = Taps.Aggregate(1, (product, count) => product * count);
        var positions = new long[windows * taps];
        for (int at = 0; at < positions.Length; at++)
        {
            int window = at / taps;
            int tap = at % taps;
            long step = 1;
            long position = 0;
            var coordinates = new int[Taps.Length];
            for (int axis = Taps.Length - 1; axis >= 0; axis--)
            {
                int place = window % Counts[axis] * Strides[axis] + tap % Taps[axis] * Dilations[axis] - Before[axis];
                coordinates[axis] = Math.Clamp(place, 0, Math.Max(0, _image[axis] - 1));
                window /= Counts[axis];
                tap /= Taps[axis];
            }

            foreach (int axis in columnMajor ? Enumerable.Range(0, Taps.Length) : Enumerable.Range(0, Taps.Length).Reverse())
            {
                position += coordinates[axis] * step;
                step *= _image[axis];
            }

            positions[at] = position;
        }

        return HostTensor.Create<long>(positions, [1, 1, windows, taps]);
    }

    public static int[] Attribute(OnnxNode node, string name, int axes, int otherwise)
    {
        long[]? given = node.Integers(name);
        return given is null ? [.. Enumerable.Repeat(otherwise, axes)]
            : given.Length == axes && given.All(value => value >= 1) ? [.. given.Select(value => checked((int)value))]
            : throw node.Unsupported($"{axes} {name} of at least 1", string.Join(", ", given));
    }

    private int Reach(int axis) => checked(Dilations[axis] * (Taps[axis] - 1) + 1);
}
