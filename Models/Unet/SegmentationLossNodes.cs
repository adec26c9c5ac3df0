using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;

namespace RduEmu.Models.Unet;

/// <summary>Losses of segmentations, each with its gradient by the logits.</summary>
internal static class SegmentationLossNodes
{
    /// <summary>The prediction, the loss [1] and the gradient of the loss by the logits.</summary>
    /// <exception cref="RduException">RDU0201: the loss is not one of so many classes.</exception>
    public static (ValueId Prediction, ValueId Loss, ValueId Gradient) Build(UnetLayers layers, SegmentationLoss loss, ValueId logits)
    {
        GraphBuilder builder = layers.Builder;
        TensorType type = builder[logits];
        bool isBinary = type.LastExtent == 1;
        if (isBinary == IsOfClasses(loss))
        {
            throw new RduException(
                ErrorCatalogue.OptionInvalid, "--loss",
                isBinary ? "a loss of one class: dice, bce, dice-bce or focal" : "a loss of several classes: cross-entropy, cross-entropy-dice or border-cross-entropy",
                $"{loss} of {type.LastExtent} class{(isBinary ? string.Empty : "es")}", "choose a loss that fits the preset's classes");
        }

        long pixels = type.CountElements / type.LastExtent;
        if (!isBinary)
        {
            return OfClasses(builder, loss, logits, pixels);
        }

        ValueId target = builder.Input(UnetGraph.TargetField, type);
        ValueId probability = builder.Apply(new Sigmoid(), logits);
        ValueId scale = layers.Scalar((float)(1.0 / pixels));
        (ValueId Loss, ValueId Gradient) part = loss switch
        {
            SegmentationLoss.Dice => Dice(builder, probability, target),
            SegmentationLoss.Focal => Mean(
                layers, pixels, builder.Apply(new FocalLoss(), logits, target), builder.Apply(new FocalLossGradient(), logits, target, scale)),
            _ => Mean(
                layers, pixels, builder.Apply(new SampleLoss(LossKind.BinaryCrossEntropyWithLogits), logits, target),
                builder.Apply(new SampleLossGradient(LossKind.BinaryCrossEntropyWithLogits), logits, target, scale)),
        };
        if (loss == SegmentationLoss.DiceBce)
        {
            (ValueId Loss, ValueId Gradient) dice = Dice(builder, probability, target);
            part = (builder.Apply(new Add(), part.Loss, dice.Loss), builder.Apply(new Add(), part.Gradient, dice.Gradient));
        }

        return (probability, part.Loss, part.Gradient);
    }

    private static (ValueId Loss, ValueId Gradient) Mean(UnetLayers layers, long pixels, ValueId losses, ValueId gradient) =>
        (layers.Builder.Apply(new DivideByCount(), layers.Builder.Apply(new SampleSum(), losses), layers.Scalar(pixels)), gradient);

    private static (ValueId Loss, ValueId Gradient) Dice(GraphBuilder builder, ValueId probability, ValueId target)
    {
        ValueId both = builder.Apply(new SampleProductSum(), probability, target);
        ValueId predicted = builder.Apply(new SampleSum(), probability);
        ValueId wanted = builder.Apply(new SampleSum(), target);
        ValueId slope = builder.Apply(new DiceSlope(), predicted, wanted);
        ValueId offset = builder.Apply(new DiceOffset(), both, predicted, wanted);
        ValueId byProbability = builder.Apply(new DiceGradient(), target, slope, offset);
        return (builder.Apply(new DiceLoss(), both, predicted, wanted), builder.Apply(new SigmoidGradient(), probability, byProbability));
    }

    private static bool IsOfClasses(SegmentationLoss loss) =>
        loss is SegmentationLoss.CrossEntropy or SegmentationLoss.CrossEntropyDice or SegmentationLoss.BorderCrossEntropy;

    private static (ValueId Prediction, ValueId Loss, ValueId Gradient) OfClasses(GraphBuilder builder, SegmentationLoss loss, ValueId logits, long pixels)
    {
        TensorType rows = builder[logits].WithLastExtent(1);
        ValueId label = builder.Input(UnetGraph.LabelField, rows with { Element = ElementType.Int32 });
        ValueId share = builder.Constant("weight of a pixel", rows, (float)(1.0 / pixels));
        if (loss == SegmentationLoss.CrossEntropyDice)
        {
            return WithDice(builder, logits, label, share);
        }

        ValueId weight = loss == SegmentationLoss.BorderCrossEntropy ? builder.Apply(new Mul(), builder.Input(UnetGraph.WeightField, rows), share) : share;
        ValueId losses = builder.Apply(new CrossEntropy(), logits, label, weight);
        return (logits, builder.Apply(new SampleSum(), losses), builder.Apply(new CrossEntropyGradient(), logits, label, weight));
    }

    /// <summary>
    /// Cross-entropy and the Dice loss of all classes' probabilities with their indicators, taken as one list. Both of these sum to the number
    /// of pixels, so this Dice is the mean probability of the label, exp(-l) of the pixel's cross-entropy l: a pixel's loss is
    /// (l + 1 - exp(-l)) / pixels, and its gradient that of l times (1 + exp(-l)) / pixels.
    /// </summary>
    private static (ValueId Prediction, ValueId Loss, ValueId Gradient) WithDice(GraphBuilder builder, ValueId logits, ValueId label, ValueId share)
    {
        ValueId one = builder.Constant("one", builder[share], 1f);
        ValueId entropy = builder.Apply(new CrossEntropy(), logits, label, one);
        ValueId probability = builder.Apply(new Exponential(), builder.Apply(new Negate(), entropy));
        ValueId loss = builder.Apply(new Add(), entropy, builder.Apply(new Subtract(), one, probability));
        ValueId weight = builder.Apply(new Mul(), builder.Apply(new Add(), one, probability), share);
        return (
            logits, builder.Apply(new SampleSum(), builder.Apply(new Mul(), loss, share)),
            builder.Apply(new CrossEntropyGradient(), logits, label, weight));
    }
}
