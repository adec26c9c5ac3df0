using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;

namespace RduEmu.Tests.Compiler;

[TestFixture]
public sealed class DlrmGraphTests
{
    [Test]
    public void Presets_HaveThePublishedWidthsAndCounts()
    {
        Assert.Multiple(() =>
        {
            Assert.That(DlrmPresets.Tiny.InteractionWidth, Is.EqualTo(8));
            Assert.That(DlrmPresets.Kaggle.InteractionWidth, Is.EqualTo(367));
            Assert.That(DlrmPresets.TerabyteSmall.InteractionWidth, Is.EqualTo(415));
            Assert.That(DlrmPresets.MlPerf.InteractionWidth, Is.EqualTo(479));
            Assert.That(DlrmPresets.MlPerf.DenseParameterCount, Is.EqualTo(2_368_897));
            Assert.That(DlrmPresets.MlPerf.EmbeddingParameterCount, Is.EqualTo(26_135_627_264));
            Assert.That(DlrmPresets.Kaggle.TableRows.Sum(), Is.EqualTo(33_762_577));
            Assert.That(DlrmPresets.Kaggle.WithTableRowsCap(100_000).TableRows.Max(), Is.EqualTo(100_000));
        });
    }

    [Test]
    public void Presets_BuildGraphsWhoseParametersAddUp([Values("tiny", "kaggle", "mlperf")] string name)
    {
        DlrmConfiguration configuration = DlrmPresets.Find(name);
        DlrmGraph model = DlrmGraph.BuildInference(configuration, batchSamples: 4);

        long count = model.Parameters.Sum(id => model.Graph[id].Type.CountElements);

        Assert.That(count, Is.EqualTo(configuration.DenseParameterCount + configuration.EmbeddingParameterCount));
    }

    [Test]
    public void UnknownPreset_IsRefusedByName()
    {
        RduException error = Assert.Throws<RduException>(() => DlrmPresets.Find("huge"))!;

        Assert.That(error.Id, Is.SameAs(ErrorCatalogue.NameUnknown));
        Assert.That(error.Message, Does.Contain("huge").And.Contain("kaggle"));
    }

    [Test]
    public void TableRowsCap_MustBePositive() =>
        Assert.That(
            Assert.Throws<RduException>(() => DlrmPresets.Kaggle.WithTableRowsCap(0))!.Id, Is.SameAs(ErrorCatalogue.OptionInvalid));

    /// <summary>
    /// Central differences in float64: error about h^2 of the third derivative, and 1e-16/h of rounding. Four samples, so that
    /// the float32 constant 1/B is exact.
    /// </summary>
    [Test]
    public void Gradients_EqualFiniteDifferences(
        [Values] Interaction interaction, [Values] LossKind loss)
    {
        var configuration = new DlrmConfiguration(
            "test", [3, 5, 4], [6, 1], [5, 3], Hotness: 2, interaction, loss, BatchSamples: 4, LearningRate: 0.1f);
        DlrmGraph model = DlrmGraph.BuildGradients(configuration, configuration.BatchSamples);
        Dictionary<string, double[]> given = RandomValues(model.Graph, configuration);
        double[][] values = DoubleEvaluator.Evaluate(model.Graph, given);
        const double step = 1e-5;
        int checkedElements = 0;
        int nonZero = 0;
        for (int p = 0; p < model.Parameters.Length; p++)
        {
            Value parameter = model.Graph[model.Parameters[p]];
            double[] gradient = values[model.Graph.Outputs[2 + p].Index];
            double[] elements = given[parameter.Name];
            for (int i = 0; i < elements.Length; i++)
            {
                double kept = elements[i];
                elements[i] = kept + step;
                double above = MeanLoss(model, given);
                elements[i] = kept - step;
                double below = MeanLoss(model, given);
                elements[i] = kept;
                Assert.That(gradient[i], Is.EqualTo((above - below) / (2 * step)).Within(1e-8), $"{parameter.Name}[{i}]");
                checkedElements++;
                nonZero += gradient[i] != 0 ? 1 : 0;
            }
        }

        Assert.That(checkedElements, Is.EqualTo(configuration.DenseParameterCount + configuration.EmbeddingParameterCount));
        Assert.That(nonZero, Is.GreaterThan(checkedElements / 3));
    }

    /// <summary>The training example that the reference implementation prints: three SGD steps of the tiny preset.</summary>
    [Test]
    public void PublishedTrainingExample_IsReproduced()
    {
        string path = RealData.Require("data", "dlrm_golden", "golden.json");

        // The published numbers have six digits, the published parameters five: the losses then move by some 3e-6.
        Assert.That(GoldenExample.Train(path).Losses, Is.EqualTo(GoldenExample.PublishedLosses(path)).AsCollection.Within(1e-5));
    }

    private static double MeanLoss(DlrmGraph model, Dictionary<string, double[]> given) =>
        DoubleEvaluator.Evaluate(model.Graph, given)[model.Graph.Outputs[1].Index].Average();

    private static Dictionary<string, double[]> RandomValues(Graph graph, DlrmConfiguration configuration)
    {
        var random = new Random(7);
        var given = new Dictionary<string, double[]>();
        foreach (Value value in graph.Values)
        {
            if (value.Role is ValueRole.Computed or ValueRole.Constant)
            {
                continue;
            }

            var elements = new double[value.Type.CountElements];
            for (int i = 0; i < elements.Length; i++)
            {
                elements[i] = value.Type.Element == ElementType.Int32
                    ? random.Next(-1, configuration.TableRows[int.Parse(value.Name.Split('.')[1], null)])
                    : random.NextDouble() * 2 - 1;
            }

            given[value.Name] = elements;
        }

        return given;
    }
}
