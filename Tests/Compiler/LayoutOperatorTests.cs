using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Operators.Layout;
using RduEmu.Emulator.Execution;

namespace RduEmu.Tests.Compiler;

/// <summary>Layout operators against an index loop, on every device, for elements of one word and of two.</summary>
internal sealed class LayoutOperatorTests
{
    private static readonly int[] MappedAxis = [4, 0, 0, 0, 2];

    private static readonly int[] JoinedShape = [3, 4, 5];

    /// <summary>A case: shape, operator, and where the element at an index of the output comes from; null where nothing is.</summary>
    public sealed record Case(string Name, int[] Shape, Operator Operator, Func<int[], int[]?> Source)
    {
        public override string ToString() => Name;
    }

    public static IEnumerable<Case> Cases()
    {
        foreach (int n in (int[])[0, 1, 2, 7, 15, 16, 17, 31, 33, 127])
        {
            yield return new Case($"transpose {n}", [n, 3], Transpose.Of(1, 0), y => [y[1], y[0]]);
            yield return new Case($"reverse {n}", [2, n], Slice.Of(TensorType.Whole(2, n), 1, Math.Max(0, n - 1), n, -1), y => [y[0], n - 1 - y[1]]);
            yield return new Case($"expand {n}", [n, 1, 2], new Expand([4, n, 3, 2]), y => [y[1], 0, y[3]]);
            yield return new Case($"pad {n}", [3, n], new Pad([1, 2], [0, 5], 0), y => y[0] >= 1 && y[1] >= 2 && y[1] < n + 2 ? [y[0] - 1, y[1] - 2] : null);
        }

        yield return new Case("transpose of 4 axes", [2, 3, 5, 7], Transpose.Of(2, 0, 3, 1), y => [y[1], y[3], y[0], y[2]]);
        yield return new Case("transpose that changes nothing", [2, 3, 5], Transpose.Of(0, 1, 2), y => y);
        yield return new Case("slice with steps", [9, 11], new Slice([1, 10], [3, 4], [3, -3]), y => [1 + 3 * y[0], 10 - 3 * y[1]]);
        yield return new Case("pad that cuts", [6, 40], new Pad([-2, 3], [1, -30], 0), y => y[0] < 4 && y[1] >= 3 ? [y[0] + 2, y[1] - 3] : null);
        yield return new Case("pad of everything", [1, 1], new Pad([1, 1], [-1, -1], 0), _ => null);
        yield return new Case("axis map", [2, 5, 3], new AxisMap(1, [4, -1, 0, 0, 2]), y => y[1] == 1 ? null : [y[0], MappedAxis[y[1]], y[2]]);
        yield return new Case("large transpose", [70, 90], Transpose.Of(1, 0), y => [y[1], y[0]]);
        yield return new Case("large repeat of rows", [70, 1, 40], new Expand([70, 30, 40]), y => [y[0], 0, y[2]]);
    }

    /// <summary>A value that nobody reads has a place of its own: it lies on no input.</summary>
    [Test]
    public void AValueThatNobodyReads_HasAPlace()
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Whole(3));
        builder.Apply(new Pad([-3], [3], 0), x);
        builder.Apply(new Pad([1], [-1], 0), x);
        Graph graph = builder.Build(builder.Apply(new Negate(), x));
        using var host = new HostExecutor(GraphCompiler.Compile(graph, new CompileOptions()), 1);
        double[] given = [1, 2, 3];
        host.Write(x, HostTensor.Create<float>([.. given.Select(element => (float)element)], 3));
        host.Load();
        host.Run();
        Assert.That(host.Read(x).ToDoubles(), Is.EqualTo(given));
    }

    [TestCaseSource(nameof(Cases))]
    public void EveryDeviceMovesWords(Case @case)
    {
        foreach (ElementType element in (ElementType[])[ElementType.Float32, ElementType.Int64])
        {
            var builder = new GraphBuilder();
            ValueId x = builder.Input("x", TensorType.Whole(element, @case.Shape));
            ValueId y = builder.Apply(@case.Operator, x);
            HostTensor input = Counting(builder[x]);
            HostTensor expected = Moved(input, builder[y], @case.Source);
            SameOnEveryDevice(builder.Build(y), new Dictionary<ValueId, HostTensor> { [x] = input }, expected);
        }
    }

    [TestCase(0, 3, 1)]
    [TestCase(1, 2, 17)]
    [TestCase(2, 33, 5)]
    public void Join(int axis, int a, int b)
    {
        foreach (ElementType element in (ElementType[])[ElementType.Float32, ElementType.Float64])
        {
            int[] First(int extent) => [.. JoinedShape.Select((other, at) => at == axis ? extent : other)];
            var builder = new GraphBuilder();
            ValueId x = builder.Input("x", TensorType.Whole(element, First(a)));
            ValueId none = builder.Input("none", TensorType.Whole(element, First(0)));
            ValueId y = builder.Input("y", TensorType.Whole(element, First(b)));
            ValueId joined = builder.Apply(new Join(axis), x, none, y);
            HostTensor first = Counting(builder[x]);
            HostTensor second = Counting(builder[y]);
            HostTensor left = Moved(first, builder[joined], at => at[axis] < a ? at : null);
            HostTensor right = Moved(second, builder[joined], at => at[axis] >= a ? [.. at.Select((index, other) => other == axis ? index - a : index)] : null);
            var bytes = new byte[left.Bytes.Length];
            for (int i = 0; i < bytes.Length; i++)
            {
                bytes[i] = (byte)(left.Bytes[i] | right.Bytes[i]);
            }

            var given = new Dictionary<ValueId, HostTensor> { [x] = first, [none] = Counting(builder[none]), [y] = second };
            SameOnEveryDevice(builder.Build(joined), given, new HostTensor(left.Type, bytes));
        }
    }

    [Test]
    public void ReshapeMovesNothing()
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Whole(6, 4));
        ValueId turned = builder.Apply(Transpose.Of(1, 0), builder.Apply(new Reshape([3, 8]), x));
        ValueId flat = builder.Apply(new Reshape([24]), builder.Apply(new Reshape([2, 12]), turned));
        HostTensor input = Counting(builder[x]);
        HostTensor expected = Moved(input.Reshape(3, 8), TensorType.Whole(8, 3), y => [y[1], y[0]]).Reshape(24);
        Graph graph = builder.Build(flat);
        SameOnEveryDevice(graph, new Dictionary<ValueId, HostTensor> { [x] = input }, expected);
        Assert.That(GraphCompiler.Plan(graph, new CompileOptions()).Sum(section => section.Pipelines.Sum(pipeline => pipeline.Stages.Count)), Is.EqualTo(1));
    }

    private static void SameOnEveryDevice(Graph graph, Dictionary<ValueId, HostTensor> given, HostTensor expected)
    {
        HostTensor interpreted = GraphInterpreter.Run(graph, given)[0];
        Assert.That(interpreted.Type, Is.EqualTo(expected.Type));
        Assert.That(interpreted.Bytes.ToArray(), Is.EqualTo(expected.Bytes.ToArray()).AsCollection, "interpreter");
        foreach (ExecutionTarget target in (ExecutionTarget[])[new("host", 1), new("host", 3), new("ilgpu", 1)])
        {
            using Executor executor = target.Create(target.Compile(graph));
            foreach ((ValueId id, HostTensor tensor) in given)
            {
                executor.Write(id, tensor);
            }

            executor.Load();
            executor.Run();
            Assert.That(executor.Read(graph.Outputs[0]).Bytes.ToArray(), Is.EqualTo(expected.Bytes.ToArray()).AsCollection, $"{target}");
        }
    }

    private static HostTensor Counting(TensorType type)
    {
        int[] words = [.. Enumerable.Range(1, (int)type.CountWords).Select(i => i * 0x01234567)];
        return HostTensor.FromWords(type, words);
    }

    private static HostTensor Moved(HostTensor x, TensorType type, Func<int[], int[]?> source)
    {
        int size = type.Element.SizeBytes();
        var bytes = new byte[type.CountElements * size];
        for (int element = 0; element < type.CountElements; element++)
        {
            var index = new int[type.Rank];
            int rest = element;
            for (int axis = type.Rank - 1; axis >= 0; axis--)
            {
                index[axis] = rest % type.Shape[axis];
                rest /= type.Shape[axis];
            }

            if (source(index) is { } from)
            {
                int at = from.Select((position, axis) => position * x.Shape.Skip(axis + 1).Aggregate(1, (count, extent) => count * extent)).Sum();
                x.Bytes.Slice(at * size, size).CopyTo(bytes.AsSpan(element * size));
            }
        }

        return new HostTensor(type, bytes);
    }
}
