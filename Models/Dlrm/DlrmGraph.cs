using System.Collections.Immutable;
using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Optimizers;

namespace RduEmu.Models.Dlrm;

/// <summary>
/// A DLRM as a graph. Letters: B samples, D embedding width, F vectors, H indices in a bag.
/// dense [B, 13] -> bottom network -> x [B, D]; tables -> e_i [B, D]; interaction of (x, e_1 ... ) -> top network -> [B, 1].
/// </summary>
/// <param name="Graph">
/// Its outputs: the prediction; with gradients also the losses [B, 1] and the gradients of the parameters; as a training step
/// the summed loss [1], and the parameters have updates.
/// </param>
/// <param name="Dense">Input [B, features].</param>
/// <param name="Indices">One input [B, H] of integers for each table.</param>
/// <param name="Target">Input [B, 1] where there is a loss.</param>
/// <param name="Rate">Input [1], the learning rate, where there are updates.</param>
/// <param name="Parameters">Weight and bias of each layer (bottom, then top), then the tables.</param>
public sealed record DlrmGraph(
    Graph Graph, ValueId Dense, ImmutableArray<ValueId> Indices, ValueId? Target, ValueId? Rate, ImmutableArray<ValueId> Parameters)
{
    /// <summary>
    /// What the optimiser keeps for each of <see cref="Parameters"/>, in their order: parameters too, to be zero before the first
    /// step. Empty for SGD.
    /// </summary>
    public ImmutableArray<ValueId> OptimizerStates { get; init; } = [];

    private enum Purpose
    {
        Inference,
        Gradients,
        TrainingStep,
    }

    /// <summary>The prediction only.</summary>
    public static DlrmGraph BuildInference(DlrmConfiguration configuration, int batchSamples) =>
        Build(configuration, batchSamples, Purpose.Inference);

    /// <summary>The prediction, the losses and the gradients of their mean.</summary>
    public static DlrmGraph BuildGradients(DlrmConfiguration configuration, int batchSamples) =>
        Build(configuration, batchSamples, Purpose.Gradients);

    /// <summary>One step of the optimiser; the gradients of tables stay sparse.</summary>
    public static DlrmGraph BuildTrainingStep(
        DlrmConfiguration configuration, int batchSamples, OptimizerKind optimizer = OptimizerKind.Sgd) =>
        Build(configuration, batchSamples, Purpose.TrainingStep, optimizer);

    private static DlrmGraph Build(
        DlrmConfiguration configuration, int batchSamples, Purpose purpose, OptimizerKind optimizer = OptimizerKind.Sgd)
    {
        var builder = new GraphBuilder();
        var parameters = new List<ValueId>();
        ValueId dense = builder.Input("dense", TensorType.Samples(batchSamples, configuration.BottomLayers[0]));
        ValueId x = Network(builder, parameters, "bottom", dense, configuration.BottomLayers, reluAtEnd: true);

        var vectors = new List<ValueId> { x };
        var tables = new List<ValueId>();
        var allIndices = new List<ValueId>();
        for (int i = 0; i < configuration.TableRows.Length; i++)
        {
            ValueId indices = builder.Input(
                $"indices.{i}", TensorType.Samples(batchSamples, configuration.HotnessOf(i)) with { Element = ElementType.Int32 });
            ValueId table = builder.Parameter(
                $"table.{i}", TensorType.Whole(configuration.TableRows[i], configuration.EmbeddingWidth));
            tables.Add(table);
            allIndices.Add(indices);
            vectors.Add(builder.Apply(new EmbeddingBag(), indices, table));
        }

        ValueId all = builder.Apply(new Concat(), [.. vectors]);
        ValueId interaction = configuration.Interaction == Interaction.Dot ? Dot(builder, configuration, x, all) : all;
        ValueId logit = Network(
            builder, parameters, "top", interaction, [configuration.InteractionWidth, .. configuration.TopLayers], reluAtEnd: false);
        parameters.AddRange(tables);
        ValueId prediction = builder.Apply(new Sigmoid(), logit);
        if (purpose == Purpose.Inference)
        {
            return new DlrmGraph(builder.Build(prediction), dense, [.. allIndices], null, null, [.. parameters]);
        }

        // Cross-entropy is taken from the logit: log(sigmoid(z)) loses all digits where the sigmoid saturates.
        ValueId scored = configuration.Loss == LossKind.SquaredError ? prediction : logit;
        ValueId target = builder.Input("target", TensorType.Samples(batchSamples, 1));
        ValueId loss = builder.Apply(new SampleLoss(configuration.Loss), scored, target);
        ValueId scale = builder.Constant("inverse_batch", TensorType.Whole(1), 1f / batchSamples);
        ValueId seed = builder.Apply(new SampleLossGradient(configuration.Loss), scored, target, scale);
        ValueId?[] gradients = GradientScope.Differentiate(builder, scored, seed, [.. parameters]);
        if (purpose == Purpose.Gradients)
        {
            Graph graph = builder.Build([prediction, loss, .. gradients.Select(gradient => gradient!.Value)]);
            return new DlrmGraph(graph, dense, [.. allIndices], target, null, [.. parameters]);
        }

        ValueId total = builder.Apply(new SampleSum(), loss);
        ValueId rate = builder.Input("rate", TensorType.Whole(1));
        var states = new List<ValueId>();
        for (int i = 0; i < parameters.Count; i++)
        {
            bool isTable = i >= parameters.Count - tables.Count;
            ValueId? state = Optimizer.AddStep(
                builder, optimizer, builder.NameOf(parameters[i]), parameters[i], gradients[i]!.Value, rate, isTable);
            if (state is { } kept)
            {
                states.Add(kept);
            }
        }

        return new DlrmGraph(builder.Build(prediction, total), dense, [.. allIndices], target, rate, [.. parameters])
        {
            OptimizerStates = [.. states],
        };
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
