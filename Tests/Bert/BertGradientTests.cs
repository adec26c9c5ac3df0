using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Models.Bert;
using RduEmu.Tests.Compiler;

namespace RduEmu.Tests.Bert;

/// <summary>Gradients as graph nodes against differences of the loss, both in float64.</summary>
[TestFixture]
public sealed class BertGradientTests
{
    /// <summary>
    /// Central differences with h: the error is h² f''' / 6 and 2^-53 f / h, about 1e-9 and 1e-10 of a loss of a few units; the third
    /// derivatives of layer norm and softmax are some hundred times the first.
    /// </summary>
    private const double Step = 3e-5;

    private const double Tolerance = 2e-6;

    [Test]
    public void EveryElement_IsTheDifferenceOfTheLoss(
        [Values(BertHead.Pretraining, BertHead.Classification, BertHead.Span)] BertHead head, [Values(null, 7)] int? dropoutSeed)
    {
        BertGraph graph = BertGraph.BuildGradients(SmallBert.Configuration, head, SmallBert.Batch, SmallBert.Tokens, dropoutSeed);
        Dictionary<string, double[]> given = SmallBert.InDouble(SmallBert.Given(graph.Graph));
        int losses = head == BertHead.Pretraining ? 2 : 1;
        double[][] values = DoubleEvaluator.Evaluate(graph.Graph, given);
        int checkedElements = 0;
        for (int p = 0; p < graph.Parameters.Length; p++)
        {
            string name = graph.Graph[graph.Parameters[p]].Name;
            double[] gradient = values[graph.Graph.Outputs[losses + p].Index];
            double[] parameter = given[name];
            Assert.That(gradient, Has.Length.EqualTo(parameter.Length));

            // Every element of the small ones, every seventh of the others: that is each column of each matrix at least once.
            for (int i = 0; i < parameter.Length; i += parameter.Length > 20 ? 7 : 1)
            {
                double kept = parameter[i];
                parameter[i] = kept + Step;
                double above = Loss(graph.Graph, given, losses);
                parameter[i] = kept - Step;
                double below = Loss(graph.Graph, given, losses);
                parameter[i] = kept;
                double difference = (above - below) / (2 * Step);
                Assert.That(gradient[i], Is.EqualTo(difference).Within(Tolerance * (1 + Math.Abs(difference))), $"{name}[{i}]");
                checkedElements++;
            }
        }

        Assert.That(checkedElements, Is.GreaterThan(250));
    }

    private static double Loss(Graph graph, Dictionary<string, double[]> given, int losses)
    {
        double[][] values = DoubleEvaluator.Evaluate(graph, given);
        return graph.Outputs.Take(losses).Sum(output => values[output.Index].Sum());
    }
}
