using NUnit.Framework;
using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;
using RduEmu.Tests.Emulator;

namespace RduEmu.Tests.Compiler;

/// <summary>Embedding bags with a weight for each index: loss = half the sum of (bag + target)².</summary>
[TestFixture]
public sealed class WeightedBagTests
{
    private const int Batch = 5;
    private const int Hotness = 3;
    private const int Rows = 4;
    private const int Width = 2;

    /// <summary>The loss is quadratic in the table, so central differences err by rounding only: 1e-16 / 1e-3 of a loss near 10.</summary>
    [Test]
    public void TheTablesGradient_EqualsFiniteDifferences()
    {
        Graph graph = Build();
        var random = new Random(3);
        var given = new Dictionary<string, double[]>
        {
            ["indices"] = [.. Enumerable.Range(0, Batch * Hotness).Select(_ => (double)random.Next(-1, Rows))],
            ["weights"] = [.. Enumerable.Range(0, Batch * Hotness).Select(_ => random.NextDouble() * 2 - 1)],
            ["table"] = [.. Enumerable.Range(0, Rows * Width).Select(_ => random.NextDouble() * 2 - 1)],
            ["target"] = [.. Enumerable.Range(0, Batch * Width).Select(_ => random.NextDouble() * 2 - 1)],
        };
        double[] gradient = DoubleEvaluator.Evaluate(graph, given)[graph.Outputs[1].Index];
        const double step = 1e-3;
        for (int i = 0; i < gradient.Length; i++)
        {
            double kept = given["table"][i];
            given["table"][i] = kept + step;
            double above = Loss(graph, given);
            given["table"][i] = kept - step;
            double below = Loss(graph, given);
            given["table"][i] = kept;

            Assert.That(gradient[i], Is.EqualTo((above - below) / (2 * step)).Within(1e-11), $"table[{i}]");
            Assert.That(gradient[i], Is.Not.Zero);
        }
    }

    /// <summary>The chain of FMAs, position by position, also where an absent index lies between.</summary>
    [Test]
    public void BagAndGradient_AreFmaChainsInAscendingPosition()
    {
        Graph graph = Build();
        var random = new Random(4);
        var given = new Dictionary<string, float[]>
        {
            ["indices"] = [.. Enumerable.Range(0, Batch * Hotness).Select(_ => (float)random.Next(-1, Rows))],
            ["weights"] = [.. Enumerable.Range(0, Batch * Hotness).Select(_ => random.NextSingle() * 2 - 1)],
            ["table"] = [.. Enumerable.Range(0, Rows * Width).Select(_ => random.NextSingle() * 2 - 1)],
            ["target"] = [.. Enumerable.Range(0, Batch * Width).Select(_ => random.NextSingle() * 2 - 1)],
        };
        var bag = new float[Batch * Width];
        var gradient = new float[Rows * Width];
        for (int position = 0; position < Batch * Hotness; position++)
        {
            int row = (int)given["indices"][position];
            for (int d = 0; row >= 0 && d < Width; d++)
            {
                ref float sum = ref bag[position / Hotness * Width + d];
                sum = MathF.FusedMultiplyAdd(given["weights"][position], given["table"][row * Width + d], sum);
            }
        }

        for (int position = 0; position < Batch * Hotness; position++)
        {
            int row = (int)given["indices"][position];
            for (int d = 0; row >= 0 && d < Width; d++)
            {
                int at = position / Hotness * Width + d;
                gradient[row * Width + d] = MathF.FusedMultiplyAdd(
                    given["weights"][position], bag[at] + given["target"][at], gradient[row * Width + d]);
            }
        }

        Dictionary<string, float[]> actual = GraphRun.OnEveryPath(graph, given, steps: 1);

        Assert.That(GraphRun.Bits(actual["output 1"]), Is.EqualTo(GraphRun.Bits(gradient)).AsCollection);
        Assert.That(GraphRun.Bits(actual["output 2"]), Is.EqualTo(GraphRun.Bits(bag)).AsCollection);
    }

    [Test]
    public void AGradientByTheWeights_IsRefused()
    {
        RduException error = Assert.Throws<RduException>(() => Build(byWeights: true))!;

        Assert.That(error.Id, Is.SameAs(ErrorCatalogue.GraphIllegal));
        Assert.That(error.Message, Does.Contain("EmbeddingBag_0").And.Contain("weights"));
    }

    [Test]
    public void WeightsOfAnotherShape_AreRefused()
    {
        var builder = new GraphBuilder();
        ValueId indices = builder.Input("indices", TensorType.Samples(Batch, Hotness) with { Element = ElementType.Int32 });
        ValueId weights = builder.Input("weights", TensorType.Samples(Batch, Hotness + 1));
        ValueId table = builder.Parameter("table", TensorType.Whole(Rows, Width));

        RduException error = Assert.Throws<RduException>(() => builder.Apply(new EmbeddingBag(), indices, table, weights))!;

        Assert.That(error.Message, Does.Contain("weights of the indices' shape"));
    }

    /// <summary>Outputs: bag + target, the gradient of half the sum of its squares by the table, the bag.</summary>
    private static Graph Build(bool byWeights = false)
    {
        var builder = new GraphBuilder();
        ValueId indices = builder.Input("indices", TensorType.Samples(Batch, Hotness) with { Element = ElementType.Int32 });
        ValueId weights = builder.Input("weights", TensorType.Samples(Batch, Hotness));
        ValueId table = builder.Parameter("table", TensorType.Whole(Rows, Width));
        ValueId target = builder.Input("target", TensorType.Samples(Batch, Width));
        ValueId bag = builder.Apply(new EmbeddingBag(), indices, table, weights);
        ValueId difference = builder.Apply(new Add(), bag, target);
        ValueId?[] gradients = GradientScope.Differentiate(builder, bag, difference, byWeights ? [table, weights] : [table]);
        return builder.Build(difference, gradients[0]!.Value, bag);
    }

    private static double Loss(Graph graph, Dictionary<string, double[]> given) =>
        DoubleEvaluator.Evaluate(graph, given)[graph.Outputs[0].Index].Sum(x => x * x) / 2;
}
