using System.Collections.Immutable;
using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Models.Bert;

/// <summary>
/// A BERT as a graph. Letters: B samples, T tokens, H hidden width, P predicted tokens, V vocabulary. Linear weights are [outputs,
/// inputs] and are known by Hugging Face's names.
/// </summary>
/// <param name="Graph">Outputs by head: the tokens [B, T, H] and the pooled token [B, H]; logits of P tokens [B, P, V] and of the next
/// sentence [B, 2]; logits of the classes [B, classes]; logits of start and end [B, 2, T]. With losses, what is said there.</param>
/// <param name="Parameters">In the order of <see cref="BertParameters"/>.</param>
public sealed record BertGraph(Graph Graph, ImmutableArray<ValueId> Parameters)
{
    public const string TokenIds = "input_ids";
    public const string PositionIds = "position_ids";
    public const string TypeIds = "token_type_ids";

    /// <summary>Added to the scores of all keys: 0 for a token, <see cref="Masked"/> for padding.</summary>
    public const string AttentionMask = "attention_mask";

    /// <summary>Which tokens are predicted [B, P]; behind the last 0.</summary>
    public const string MaskedPositions = "masked_positions";

    /// <summary>What they are [B, P, 1]; behind the last -1.</summary>
    public const string MaskedLabels = "masked_labels";

    /// <summary>What each counts in the loss [B, P, 1]: for a mean over a batch one by the number of its predictions.</summary>
    public const string MaskedWeights = "masked_weights";

    /// <summary>Class of the sample [B, 1]: of pretraining 0 if the second segment follows the first, else 1.</summary>
    public const string ClassLabels = "class_labels";

    /// <summary>What it counts in the loss [B, 1].</summary>
    public const string ClassWeights = "class_weights";

    /// <summary>First and last token of the answer [B, 2, 1].</summary>
    public const string SpanLabels = "span_labels";

    /// <summary>What each counts in the loss [B, 2, 1].</summary>
    public const string SpanWeights = "span_weights";

    /// <summary>Number of each sample in the training [B, 1], which dropout is counted by.</summary>
    public const string SampleNumbers = "sample_numbers";

    /// <summary>What masks a key: as google-research/bert has it.</summary>
    public const float Masked = -10000f;

    /// <summary>The forward pass, without dropout.</summary>
    public static BertGraph BuildInference(BertConfiguration configuration, BertHead head, int batchSamples, int tokens, int classes = 2)
    {
        var body = new BertBody(configuration, head, batchSamples, tokens, classes, dropoutSeed: null);
        return new BertGraph(body.Builder.Build([.. body.Logits()]), body.Parameters);
    }

    /// <summary>The losses of each sample: outputs as of <see cref="Losses"/>; no dropout.</summary>
    public static BertGraph BuildLosses(BertConfiguration configuration, BertHead head, int batchSamples, int tokens, int classes = 2)
    {
        var body = new BertBody(configuration, head, batchSamples, tokens, classes, dropoutSeed: null);
        return new BertGraph(body.Builder.Build([.. Losses(body).Losses]), body.Parameters);
    }

    /// <summary>Losses and the gradients of their sum by all parameters, in their order.</summary>
    /// <param name="dropoutSeed">First key of the dropouts' numbers; null for no dropout.</param>
    public static BertGraph BuildGradients(
        BertConfiguration configuration, BertHead head, int batchSamples, int tokens, int? dropoutSeed, int classes = 2)
    {
        var body = new BertBody(configuration, head, batchSamples, tokens, classes, dropoutSeed);
        (ImmutableArray<ValueId> losses, ImmutableArray<ValueId> gradients) = Differentiate(body);
        return new BertGraph(body.Builder.Build([.. losses, .. gradients]), body.Parameters);
    }

    /// <summary>Adds losses and gradients of all parameters to a body.</summary>
    internal static (ImmutableArray<ValueId> Losses, ImmutableArray<ValueId> Gradients) Differentiate(BertBody body)
    {
        (ImmutableArray<ValueId> losses, ImmutableArray<(ValueId, ValueId)> seeds) = Losses(body);
        body.ForwardNodes = body.Builder.Nodes.Count;
        ValueId?[] gradients = GradientScope.Differentiate(body.Builder, seeds, [.. body.Parameters]);
        return (losses, [.. gradients.Select(gradient => gradient!.Value)]);
    }

    /// <summary>
    /// The weighted losses of each sample: of pretraining [B, P, 1] and [B, 1], of a classification [B, 1], of a span [B, 2, 1]; and
    /// the logits that they are differentiated by, with their gradients.
    /// </summary>
    private static (ImmutableArray<ValueId> Losses, ImmutableArray<(ValueId Logits, ValueId Seed)> Seeds) Losses(BertBody body)
    {
        ImmutableArray<ValueId> logits = body.Logits();
        (string Labels, string Weights)[] fields = body.Head switch
        {
            BertHead.Pretraining => [(MaskedLabels, MaskedWeights), (ClassLabels, ClassWeights)],
            BertHead.Classification => [(ClassLabels, ClassWeights)],
            BertHead.Span => [(SpanLabels, SpanWeights)],
            _ => throw new ArgumentException("an encoder without a head has no loss", nameof(body)),
        };
        GraphBuilder builder = body.Builder;
        var losses = ImmutableArray.CreateBuilder<ValueId>();
        var seeds = ImmutableArray.CreateBuilder<(ValueId, ValueId)>();
        for (int i = 0; i < fields.Length; i++)
        {
            TensorType rows = builder[logits[i]].WithLastExtent(1);
            ValueId labels = builder.Input(fields[i].Labels, rows with { Element = ElementType.Int32 });
            ValueId weights = builder.Input(fields[i].Weights, rows);
            losses.Add(builder.Apply(new CrossEntropy(), logits[i], labels, weights));
            seeds.Add((logits[i], builder.Apply(new CrossEntropyGradient(), logits[i], labels, weights)));
        }

        return (losses.ToImmutable(), seeds.ToImmutable());
    }
}
