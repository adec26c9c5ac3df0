using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Models.Bert;

/// <summary>What stands on the encoder.</summary>
public enum BertHead
{
    /// <summary>Nothing: the tokens and the pooled first token.</summary>
    None,

    /// <summary>Masked language model with a decoder tied to the word embeddings, and next sentence prediction.</summary>
    Pretraining,

    /// <summary>Classes of the pooled first token.</summary>
    Classification,

    /// <summary>Start and end of an answer among the tokens.</summary>
    Span,
}

/// <summary>How a parameter begins.</summary>
public enum BertParameterKind
{
    /// <summary>A weight or a table: normal, cut at two deviations; it decays.</summary>
    Weight,

    /// <summary>Zero; no decay.</summary>
    Bias,

    /// <summary>The gain of a layer norm: one; no decay.</summary>
    Gain,
}

/// <summary>One parameter.</summary>
/// <param name="Name">As Hugging Face's BertForPreTraining names it.</param>
/// <param name="Type">A whole value; a weight is [outputs, inputs].</param>
public sealed record BertParameter(string Name, TensorType Type, BertParameterKind Kind);

/// <summary>The parameters of a BERT in their order: the order of digests, of files and of the sum of squares that clips the gradients.</summary>
public static class BertParameters
{
    public const string WordEmbeddings = "bert.embeddings.word_embeddings.weight";

    private const string Classifier = "classifier";
    private const string Answers = "qa_outputs";

    /// <summary>True for the layer of a classification or of spans.</summary>
    public static bool IsOfTask(string parameter) =>
        parameter.StartsWith($"{Classifier}.", StringComparison.Ordinal) || parameter.StartsWith($"{Answers}.", StringComparison.Ordinal);

    /// <param name="configuration">The shape.</param>
    /// <param name="head">Its parameters come last.</param>
    /// <param name="classes">Of a classification.</param>
    public static ImmutableArray<BertParameter> List(BertConfiguration configuration, BertHead head, int classes = 2)
    {
        int hidden = configuration.Hidden;
        var list = ImmutableArray.CreateBuilder<BertParameter>();
        void Weight(string name, int rows, int columns) => list.Add(new(name, TensorType.Whole(rows, columns), BertParameterKind.Weight));
        void Bias(string name, int width) => list.Add(new(name, TensorType.Whole(width), BertParameterKind.Bias));
        void Dense(string name, int outputs, int inputs)
        {
            Weight($"{name}.weight", outputs, inputs);
            Bias($"{name}.bias", outputs);
        }

        void Norm(string name)
        {
            list.Add(new($"{name}.weight", TensorType.Whole(hidden), BertParameterKind.Gain));
            Bias($"{name}.bias", hidden);
        }

        Weight(WordEmbeddings, configuration.Vocabulary, hidden);
        Weight("bert.embeddings.position_embeddings.weight", configuration.Positions, hidden);
        Weight("bert.embeddings.token_type_embeddings.weight", configuration.Types, hidden);
        Norm("bert.embeddings.LayerNorm");
        for (int layer = 0; layer < configuration.Layers; layer++)
        {
            string name = $"bert.encoder.layer.{layer}";
            Dense($"{name}.attention.self.query", hidden, hidden);
            Dense($"{name}.attention.self.key", hidden, hidden);
            Dense($"{name}.attention.self.value", hidden, hidden);
            Dense($"{name}.attention.output.dense", hidden, hidden);
            Norm($"{name}.attention.output.LayerNorm");
            Dense($"{name}.intermediate.dense", configuration.Intermediate, hidden);
            Dense($"{name}.output.dense", hidden, configuration.Intermediate);
            Norm($"{name}.output.LayerNorm");
        }

        if (head != BertHead.Span)
        {
            Dense("bert.pooler.dense", hidden, hidden);
        }

        switch (head)
        {
            case BertHead.Pretraining:
                Bias("cls.predictions.bias", configuration.Vocabulary);
                Dense("cls.predictions.transform.dense", hidden, hidden);
                Norm("cls.predictions.transform.LayerNorm");
                Dense("cls.seq_relationship", 2, hidden);
                break;
            case BertHead.Classification:
                Dense(Classifier, classes, hidden);
                break;
            case BertHead.Span:
                Dense(Answers, 2, hidden);
                break;
            default:
                break;
        }

        return list.ToImmutable();
    }

    /// <summary>How many numbers they are.</summary>
    public static long Count(BertConfiguration configuration, BertHead head, int classes = 2) =>
        List(configuration, head, classes).Sum(parameter => parameter.Type.CountElements);
}
