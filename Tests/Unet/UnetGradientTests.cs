using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;
using RduEmu.Tests.Compiler;

namespace RduEmu.Tests.Unet;

/// <summary>Gradients as graph nodes against differences of the loss, both in float64.</summary>
[TestFixture]
public sealed class UnetGradientTests
{
    /// <summary>
    /// Central differences with h: the error is h² f''' / 6 and 2^-53 f / h, below 1e-9 for a loss near 1. The network is piecewise smooth:
    /// where a ReLU or a maximum changes its side between the two points the difference is of no use, which shows as two half
    /// differences that disagree; such an element is passed over.
    /// </summary>
    private const double Step = 1e-6;

    private const double Tolerance = 1e-5;

    /// <summary>Elements of each parameter that are tried.</summary>
    private const int Tried = 5;

    [Test]
    public void Gradients_AreTheDifferencesOfTheLoss([ValueSource(typeof(SmallUnet), nameof(SmallUnet.Configurations))] UnetConfiguration configuration)
    {
        Check(configuration, SmallUnet.Extent);
    }

    [Test]
    public void EveryLoss_HasItsGradient([Values(SegmentationLoss.Dice, SegmentationLoss.Bce, SegmentationLoss.Focal)] SegmentationLoss loss)
    {
        Check(UnetPresets.Sn10 with { Features = 1, Channels = 1, Loss = loss }, SmallUnet.Extent);
    }

    [Test]
    public void EveryLossOfClasses_HasItsGradient(
        [Values(SegmentationLoss.CrossEntropy, SegmentationLoss.CrossEntropyDice, SegmentationLoss.BorderCrossEntropy)] SegmentationLoss loss, [Values(2, 3)] int classes)
    {
        Check(UnetPresets.Milesial with { Features = 1, Channels = 1, Classes = classes, Loss = loss }, SmallUnet.Extent);
    }

    /// <summary>Of milesial's loss the formula as it is written there: sums over all classes' probabilities and indicators.</summary>
    [Test]
    public void CrossEntropyAndDice_AreTheSumsOverAllClasses()
    {
        const int classes = 2;
        UnetConfiguration configuration = UnetPresets.Milesial with { Features = 1, Channels = 1, Classes = classes };
        ModelGraph model = UnetGraph.BuildGradients(configuration, SmallUnet.Batch, SmallUnet.Extent, SmallUnet.Extent);
        Dictionary<string, double[]> given = SmallUnet.InDouble(SmallUnet.Given(model.Graph));
        double[][] values = DoubleEvaluator.Evaluate(model.Graph, given);
        double[] logits = values[model.Predictions[0].Index];
        double entropy = 0;
        double both = 0;
        double sums = 0;
        int pixels = logits.Length / classes;
        for (int i = 0; i < pixels; i++)
        {
            double whole = Enumerable.Range(0, classes).Sum(c => Math.Exp(logits[i * classes + c]));
            for (int c = 0; c < classes; c++)
            {
                double probability = Math.Exp(logits[i * classes + c]) / whole;
                double indicator = c == (int)given[UnetGraph.LabelField][i] ? 1 : 0;
                entropy -= indicator * Math.Log(probability) / pixels;
                both += probability * indicator;
                sums += probability + indicator;
            }
        }

        // One by the pixels is a float in the graph: half a unit in its last place, of a loss below 2.
        Assert.That(values[model.Loss!.Value.Index][0], Is.EqualTo(entropy + 1 - 2 * both / sums).Within(2 * 5.96e-8));
    }

    private static void Check(UnetConfiguration configuration, int extent)
    {
        ModelGraph model = UnetGraph.BuildGradients(configuration, SmallUnet.Batch, extent, extent);
        Graph graph = model.Graph;
        Dictionary<string, double[]> given = SmallUnet.InDouble(SmallUnet.Given(graph));
        double[][] values = DoubleEvaluator.Evaluate(graph, given);
        double here = values[model.Loss!.Value.Index][0];
        ValueId[] trained = [.. model.Parameters.Where(id => !graph[id].Name.Contains(".running_", StringComparison.Ordinal))];
        Assert.That(graph.Outputs, Has.Count.EqualTo(2 + trained.Length));
        int checkedElements = 0;
        int passedOver = 0;
        for (int p = 0; p < trained.Length; p++)
        {
            string name = graph[trained[p]].Name;
            double[] gradient = values[graph.Outputs[2 + p].Index];
            double[] parameter = given[name];
            for (int i = 0; i < parameter.Length; i += Math.Max(1, parameter.Length / Tried))
            {
                double kept = parameter[i];
                double above = At(kept + Step);
                double below = At(kept - Step);
                parameter[i] = kept;
                double difference = (above - below) / (2 * Step);
                if (Math.Abs(above - here - (here - below)) > Tolerance * Step * 10)
                {
                    passedOver++;
                    continue;
                }

                Assert.That(gradient[i], Is.EqualTo(difference).Within(Tolerance * (1 + Math.Abs(difference))), $"{name}[{i}]");
                checkedElements++;

                double At(double value)
                {
                    parameter[i] = value;
                    return DoubleEvaluator.Evaluate(graph, given)[model.Loss!.Value.Index][0];
                }
            }
        }

        TestContext.Out.WriteLine($"{checkedElements} elements, {passedOver} passed over");
        Assert.That(checkedElements, Is.GreaterThan(2 * trained.Length));
        Assert.That(passedOver, Is.LessThan(checkedElements / 4));
    }
}
