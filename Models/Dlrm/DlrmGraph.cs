using System.Collections.Immutable;
using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Models.Dlrm;

/// <summary>
/// A DLRM as a graph. Letters: B samples, D embedding width, F vectors, H indices in a bag.
/// dense [B, 13] -> bottom network -> x [B, D]; tables -> e_i [B, D]; interaction of (x, e_1 ... ) -> top network -> [B, 1].
/// </summary>
/// <param name="Graph">Its outputs: prediction, and for training the losses [B, 1] and then the gradients of the parameters.</param>
/// <param name="Parameters">Weight and bias of each layer (bottom, then top), then the tables.</param>
public sealed record DlrmGraph(Graph Graph, ImmutableArray<ValueId> Parameters)
{
    /// <summary>The prediction only.</summary>
    public static DlrmGraph BuildInference(DlrmConfiguration configuration, int batchSamples) =>
        Build(configuration, batchSamples, withGradients: false);

    /// <summary>The prediction, the losses and the gradients of their mean.</summary>
    public static DlrmGraph BuildTraining(DlrmConfiguration configuration, int batchSamples) =>
        Build(configuration, batchSamples, withGradients: true);

    private static DlrmGraph Build(DlrmConfiguration configuration, int batchSamples, bool withGradients)
    {
        var builder = new GraphBuilder();
        var parameters = new List<ValueId>();
        ValueId dense = builder.Input("dense", TensorType.Samples(batchSamples, configuration.BottomLayers[0]));
        ValueId x = Network(builder, parameters, "bottom", dense, configuration.BottomLayers, reluAtEnd: true);

        var vectors = new List<ValueId> { x };
        var tables = new List<ValueId>();
        for (int i = 0; i < configuration.TableRows.Length; i++)
        {
            ValueId indices = builder.Input(
                $"indices.{i}", TensorType.Samples(batchSamples, configuration.Hotness) with { Element = ElementType.Int32 });
            ValueId table = builder.Parameter(
                $"table.{i}", TensorType.Whole(configuration.TableRows[i], configuration.EmbeddingWidth));
            tables.Add(table);
            vectors.Add(builder.Apply(new EmbeddingBag(), indices, table));
        }

        ValueId all = builder.Apply(new Concat(), [.. vectors]);
        ValueId interaction = configuration.Interaction == Interaction.Dot ? Dot(builder, configuration, x, all) : all;
        ValueId logit = Network(
            builder, parameters, "top", interaction, [configuration.InteractionWidth, .. configuration.TopLayers], reluAtEnd: false);
        parameters.AddRange(tables);
        ValueId prediction = builder.Apply(new Sigmoid(), logit);
        if (!withGradients)
        {
            return new DlrmGraph(builder.Build(prediction), [.. parameters]);
        }

        // Cross-entropy is taken from the logit: log(sigmoid(z)) loses all digits where the sigmoid saturates.
        ValueId scored = configuration.Loss == LossKind.SquaredError ? prediction : logit;
        ValueId target = builder.Input("target", TensorType.Samples(batchSamples, 1));
        ValueId loss = builder.Apply(new SampleLoss(configuration.Loss), scored, target);
        ValueId seed = builder.Apply(new SampleLossGradient(configuration.Loss), scored, target);
        ValueId?[] gradients = GradientScope.Differentiate(builder, scored, seed, [.. parameters]);
        return new DlrmGraph(builder.Build([prediction, loss, .. gradients.Select(gradient => gradient!.Value)]), [.. parameters]);
    }

    private static ValueId Network(
        GraphBuilder builder, List<ValueId> parameters, string name, ValueId input, IReadOnlyList<int> widths, bool reluAtEnd)
    {
        ValueId x = input;
        for (int layer = 1; layer < widths.Count; layer++)
        {
            ValueId weight = builder.Parameter($"{name}.{layer - 1}.weight", TensorType.Whole(widths[layer], widths[layer - 1]));
            ValueId bias = builder.Parameter($"{name}.{layer - 1}.bias", TensorType.Whole(widths[layer]));
            parameters.Add(weight);
            parameters.Add(bias);
            x = builder.Apply(new AddBias(), builder.Apply(new Linear(), x, weight), bias);
            if (reluAtEnd || layer < widths.Count - 1)
            {
                x = builder.Apply(new Relu(), x);
            }
        }

        return x;
    }

    private static ValueId Dot(GraphBuilder builder, DlrmConfiguration configuration, ValueId x, ValueId all)
    {
        int vectors = configuration.VectorCount;
        ValueId products = builder.Apply(
            new SampleMatMul(vectors, vectors, configuration.EmbeddingWidth, TransposeA: false, TransposeB: true), all, all);
        return builder.Apply(new Concat(), x, builder.Apply(ColumnMap.LowerTriangle(vectors), products));
    }
}
