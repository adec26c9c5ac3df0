using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Optimizers;
using RduEmu.Models.Training;

namespace RduEmu.Models.Unet;

/// <summary>
/// A UNet as graphs. Inputs: <see cref="ImageField"/> [B, H, W, channels]; to train, <see cref="TargetField"/> [B, H', W', 1] (0 or 1) or, for
/// several classes, <see cref="LabelField"/> [B, H', W', 1] of integers, with <see cref="WeightField"/> where borders count more. Predictions: probabilities [B, H', W', 1], or logits of the classes.
/// </summary>
public static class UnetGraph
{
    public const string ImageField = "image";
    public const string TargetField = "target";
    public const string LabelField = "label";

    /// <summary>What a pixel counts in a border-weighted loss [B, H', W', 1]: see <see cref="BorderWeights"/>.</summary>
    public const string WeightField = "weight";

    /// <summary>Integers [B, 1], the number of each sample in the training: what dropout counts by.</summary>
    public const string NumberField = "number";

    /// <summary>The prediction with the statistics that training has gathered.</summary>
    public static ModelGraph BuildInference(UnetConfiguration configuration, int batchSamples, int height, int width)
    {
        var builder = new GraphBuilder();
        var layers = new UnetLayers(builder, isTraining: false);
        ValueId image = builder.Input(ImageField, TensorType.Samples(batchSamples, height, width, configuration.Channels));
        ValueId logits = UnetNetwork.Build(layers, configuration, image, sampleNumbers: null, seed: 0);
        ValueId prediction = configuration.Classes == 1 ? builder.Apply(new Sigmoid(), logits) : logits;
        return new ModelGraph(builder.Build(prediction), [.. layers.Parameters], [prediction]);
    }

    /// <summary>The loss and the gradients of all that is trained, as outputs; nothing is updated but running statistics.</summary>
    public static ModelGraph BuildGradients(UnetConfiguration configuration, int batchSamples, int height, int width, int seed = 0)
    {
        var builder = new GraphBuilder();
        (UnetLayers layers, ValueId prediction, ValueId loss, ValueId[] gradients, _) = Differentiate(builder, configuration, batchSamples, height, width, seed);
        return new ModelGraph(builder.Build([prediction, loss, .. gradients]), [.. layers.Parameters], [prediction]) { Loss = loss };
    }

    /// <summary>One step of the optimiser.</summary>
    public static ModelGraph BuildTrainingStep(UnetConfiguration configuration, int batchSamples, int height, int width, int seed)
    {
        var builder = new GraphBuilder();
        (UnetLayers layers, ValueId prediction, ValueId loss, ValueId[] gradients, int forwardNodes) = Differentiate(builder, configuration, batchSamples, height, width, seed);
        var optimizer = new UnetOptimizerNodes(layers, configuration.Optimizer, configuration.Momentum);
        if (configuration.ClipNorm > 0)
        {
            ValueId clip = builder.Apply(new ClipScale(), AdamW.GlobalSquareSum(builder, gradients), layers.Scalar(configuration.ClipNorm));
            gradients = [.. gradients.Select(gradient => builder.Apply(new ScaleByNumber(), gradient, clip))];
        }

        for (int i = 0; i < gradients.Length; i++)
        {
            optimizer.AddStep(layers.Trained[i], gradients[i]);
        }

        return new ModelGraph(builder.Build(prediction, loss), [.. layers.Parameters], [prediction])
        {
            OptimizerStates = [.. optimizer.States],
            Controls = [.. optimizer.Controls],
            Loss = loss,
            Layers = [.. layers.Layers],
            ForwardNodes = forwardNodes,
        };
    }

    private static (UnetLayers Layers, ValueId Prediction, ValueId Loss, ValueId[] Gradients, int ForwardNodes) Differentiate(
        GraphBuilder builder, UnetConfiguration configuration, int batchSamples, int height, int width, int seed)
    {
        var layers = new UnetLayers(builder, isTraining: true);
        ValueId image = builder.Input(ImageField, TensorType.Samples(batchSamples, height, width, configuration.Channels));
        ValueId? numbers = configuration.DropoutRate > 0
            ? builder.Input(NumberField, TensorType.Samples(batchSamples, 1) with { Element = ElementType.Int32 })
            : null;
        ValueId logits = UnetNetwork.Build(layers, configuration, image, numbers, seed);
        (ValueId prediction, ValueId loss, ValueId slope) = SegmentationLossNodes.Build(layers, configuration.Loss, logits);
        int forwardNodes = builder.Nodes.Count;
        ValueId?[] gradients = GradientScope.Differentiate(builder, logits, slope, [.. layers.Trained]);
        return (layers, prediction, loss, [.. gradients.Select(gradient => gradient!.Value)], forwardNodes);
    }
}
