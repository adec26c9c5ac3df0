using NUnit.Framework;
using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Tests.Emulator;

/// <summary>Values with several rows for each sample (tokens, pixels) through the operators that work row by row.</summary>
[TestFixture]
public sealed class CompiledRowsTests
{
    [Test]
    public void LayersOverTokens_ForwardAndBackward_OnEveryPath([Values(1, 3)] int samples, [Values(5, 40, 96)] int tokens)
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(samples, tokens, 7));
        ValueId w = builder.Parameter("w", TensorType.Whole(19, 7));
        ValueId bias = builder.Parameter("bias", TensorType.Whole(19));
        ValueId last = builder.Parameter("last", TensorType.Whole(3, 26));
        ValueId rate = builder.Input("rate", TensorType.Whole(1));
        ValueId hidden = builder.Apply(new Relu(), builder.Apply(new AddBias(), builder.Apply(new Linear(), x, w), bias));
        ValueId joined = builder.Apply(new Concat(), hidden, x);
        ValueId y = builder.Apply(new Linear(), joined, last);
        ValueId mirrored = builder.Apply(new ColumnMap([2, -1, 0]), y);
        ValueId seed = builder.Input("seed", TensorType.Samples(samples, tokens, 3));
        ValueId?[] gradients = GradientScope.Differentiate(builder, mirrored, seed, w, bias, last, x);
        foreach ((ValueId parameter, ValueId? gradient) in new[] { (w, gradients[0]), (bias, gradients[1]), (last, gradients[2]) })
        {
            builder.Update(parameter, builder.Apply(new SgdStep(), parameter, gradient!.Value, rate));
        }

        Graph graph = builder.Build(mirrored, gradients[3]!.Value);
        var random = new Random(samples * 100 + tokens);
        var given = graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter).ToDictionary(
            value => value.Name,
            value => Enumerable.Range(0, (int)value.Type.CountElements).Select(_ => random.NextSingle() - 0.5f).ToArray());

        Dictionary<string, float[]> after = GraphRun.OnEveryPath(graph, given);

        Assert.That(after["w"], Is.Not.EqualTo(given["w"]));
    }
}
