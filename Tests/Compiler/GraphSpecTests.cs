using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;

namespace RduEmu.Tests.Compiler;

[TestFixture]
public sealed class GraphSpecTests
{
    private static readonly Graph Legal = DlrmGraph.BuildGradients(DlrmPresets.Tiny, batchSamples: 2).Graph;

    [Test]
    public void LegalGraph_Passes() => Assert.DoesNotThrow(() => GraphSpec.Check(Legal));

    [Test]
    public void EqualGraphs_AreEqual_AndPrintTheSame()
    {
        Graph again = DlrmGraph.BuildGradients(DlrmPresets.Tiny, batchSamples: 2).Graph;

        Assert.That(again, Is.EqualTo(Legal));
        Assert.That(again.ToString(), Is.EqualTo(Legal.ToString()));
        Assert.That(DlrmGraph.BuildGradients(DlrmPresets.Tiny, batchSamples: 3).Graph, Is.Not.EqualTo(Legal));
    }

    [Test]
    public void NodesOutOfOrder_AreRefused() =>
        Refused(Legal with { Nodes = EquatableArray.Create<Node>([Legal.Nodes[1], Legal.Nodes[0], .. Legal.Nodes.Skip(2)]) }, "id n0");

    [Test]
    public void InputBeforeItsNode_IsRefused()
    {
        Node first = Legal.Nodes[0];
        Node changed = first with { Inputs = [Legal.Nodes[^1].Output, first.Inputs[1]] };
        Refused(Legal with { Nodes = EquatableArray.Create<Node>([changed, .. Legal.Nodes.Skip(1)]) }, "inputs that stand before it");
    }

    [Test]
    public void WrongType_IsRefused()
    {
        Value[] values = [.. Legal.Values];
        int computed = Legal.Nodes[0].Output.Index;
        values[computed] = values[computed] with { Type = TensorType.Samples(2, 99) };
        Refused(Legal with { Values = EquatableArray.Create<Value>(values) }, "samples [2, 99]");
    }

    [Test]
    public void ComputedTwice_IsRefused()
    {
        Node second = Legal.Nodes[1] with { Output = Legal.Nodes[0].Output };
        Refused(Legal with { Nodes = EquatableArray.Create<Node>([Legal.Nodes[0], second, .. Legal.Nodes.Skip(2)]) }, "nothing else computes");
    }

    [Test]
    public void OutputThatDoesNotExist_IsRefused() =>
        Refused(Legal with { Outputs = [new ValueId(Legal.Values.Count)] }, "an existing value");

    [Test]
    public void ShapesThatDoNotFit_NameTheNode()
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(4, 3));
        ValueId w = builder.Parameter("w", TensorType.Whole(5, 2));

        RduException error = Assert.Throws<RduException>(() => builder.Apply(new Linear(), x, w))!;

        Assert.That(error.Id, Is.SameAs(ErrorCatalogue.GraphIllegal));
        Assert.That(error.Message, Does.Contain("Linear_0").And.Contain("[4, 3]").And.Contain("[5, 2]"));
    }

    private static void Refused(Graph graph, string because)
    {
        RduException error = Assert.Throws<RduException>(() => GraphSpec.Check(graph))!;
        Assert.That(error.Id, Is.SameAs(ErrorCatalogue.GraphIllegal));
        Assert.That(error.Message, Does.Contain(because));
    }
}
