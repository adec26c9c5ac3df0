using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Tests.Emulator;

namespace RduEmu.Tests.Compiler;

/// <summary>Operators over tensors of any rank on values with samples: tile by tile, in scratch, in every mode, and a sample alone.</summary>
[TestFixture]
public sealed class SampleTensorTests
{
    [Test]
    public void OnEveryPath([Values(1, 2, 13)] int samples)
    {
        Graph graph = Build(samples);

        Dictionary<string, float[]> together = GraphRun.OnEveryPath(graph, Given(graph, samples, first: 0));

        if (samples > 2)
        {
            const int alone = 7;
            Dictionary<string, float[]> one = GraphRun.OnEveryPath(Build(1), Given(Build(1), 1, alone), steps: 1);
            for (int i = 0; i < graph.Outputs.Count; i++)
            {
                float[] output = one[$"output {i}"];
                Assert.That(
                    GraphRun.Bits(together[$"output {i}"][(alone * output.Length)..((alone + 1) * output.Length)]), Is.EqualTo(GraphRun.Bits(output)).AsCollection, $"output {i}");
            }
        }
    }

    [Test]
    public void Run_AllocatesNothing()
    {
        Graph graph = Build(5);
        using var executor = new HostExecutor(GraphCompiler.Compile(graph, new CompileOptions(CompileMode.O3, 2)), 2);
        foreach (Value value in graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
        {
            float[] elements = Given(graph, 5, 0)[value.Name];
            if (value.Type.Element == ElementType.Int32)
            {
                executor.Write(value.Id, [.. elements.Select(x => (int)x)]);
            }
            else
            {
                executor.Write(value.Id, elements);
            }
        }

        executor.Load();

        GraphRun.MustAllocateNothing(executor);
    }

    private static Graph Build(int samples)
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(samples, 4, 17));
        ValueId index = builder.Input("index", TensorType.Samples(samples, 4) with { Element = ElementType.Int32 });
        ValueId table = builder.Parameter("table", TensorType.Whole(9, 17));
        ValueId scale = builder.Parameter("scale", TensorType.Whole(17));
        ValueId gate = builder.Parameter("gate", TensorType.Whole(4, 1));
        ValueId w = builder.Parameter("w", TensorType.Whole(17, 33));

        ValueId rows = builder.Apply(new Gather(0), table, index);
        ValueId h = builder.Apply(new Multiply(), builder.Apply(new Add(), x, rows), scale);
        ValueId gated = builder.Apply(new HyperbolicTangent(), builder.Apply(new Multiply(), h, gate));
        ValueId most = builder.Apply(new Reduce(ReduceKind.Max, [2], KeepAxes: true), gated);
        ValueId powers = builder.Apply(new Exponential(), builder.Apply(new Subtract(), gated, most));
        ValueId share = builder.Apply(new Divide(), powers, builder.Apply(new Reduce(ReduceKind.Sum, [2], KeepAxes: true), powers));
        ValueId mixed = builder.Apply(new MatMul(), share, w);
        ValueId scores = builder.Apply(new MatMul(false, TransposeB: true), h, share);
        ValueId pooled = builder.Apply(new Reduce(ReduceKind.Mean, [1], KeepAxes: false), mixed);
        ValueId chosen = builder.Apply(new GatherElements(2), mixed, builder.Apply(new SelectPositions(2, 3, Largest: true), mixed));
        ValueId summed = builder.Apply(new Scan(1, IsProduct: false, Exclusive: false, Reverse: true), scores);
        ValueId kept = builder.Apply(new Where(), builder.Apply(new Greater(), scores, builder.Constant("0", TensorType.Whole(), 0f)), scores, summed);
        ValueId total = builder.Apply(new Reduce(ReduceKind.Sum, [1], KeepAxes: false), builder.Apply(new Reduce(ReduceKind.Max, [2], KeepAxes: false), kept));
        return builder.Build(mixed, pooled, chosen, kept, builder.Apply(new Logarithm(), builder.Apply(new Absolute(), total)));
    }

    private static Dictionary<string, float[]> Given(Graph graph, int samples, int first)
    {
        var given = new Dictionary<string, float[]>();
        foreach (Value value in graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
        {
            int count = (int)value.Type.CountElements;
            int skipped = value.Type.HasSamples ? first * (count / samples) : 0;
            var random = new Random(value.Name.Length);

            // All elements are drawn, also those that are skipped: a sample has the same ones wherever it stands.
            float[] all = [.. Enumerable.Range(0, count + skipped).Select(_ => value.Type.Element == ElementType.Int32 ? random.Next(-9, 9) : random.NextSingle() * 2f - 1f)];
            given.Add(value.Name, all[skipped..]);
        }

        return given;
    }
}
