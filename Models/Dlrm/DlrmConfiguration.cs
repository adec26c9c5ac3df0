using System.Collections.Immutable;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Data;
using RduEmu.Models.Training;

namespace RduEmu.Models.Dlrm;

/// <summary>How bottom output and embeddings are combined.</summary>
public enum Interaction
{
    /// <summary>The bottom output, then the dot products of all pairs (i, j), i &gt; j, row by row.</summary>
    Dot,

    /// <summary>All vectors one after the other.</summary>
    Cat,
}

/// <summary>
/// A deep learning recommendation model (Naumov et al., "Deep Learning Recommendation Model for Personalization and
/// Recommendation Systems", arXiv:1906.00091).
/// </summary>
/// <param name="Name">Preset name.</param>
/// <param name="BottomLayers">Widths of the bottom network, the dense features first; the last is the embedding width.</param>
/// <param name="TopLayers">Widths of the top network after the interaction; the last is 1.</param>
/// <param name="TableRows">Rows of each embedding table.</param>
/// <param name="Hotness">Indices that a table sums for one sample, at most; <see cref="TableHotness"/> says it for each.</param>
/// <param name="Interaction">How vectors are combined.</param>
/// <param name="Loss">What is trained.</param>
/// <param name="BatchSamples">Samples in a training step.</param>
/// <param name="LearningRate">The rate after warm-up.</param>
public sealed record DlrmConfiguration(
    string Name,
    ImmutableArray<int> BottomLayers,
    ImmutableArray<int> TopLayers,
    ImmutableArray<int> TableRows,
    int Hotness,
    Interaction Interaction,
    LossKind Loss,
    int BatchSamples,
    float LearningRate)
{
    /// <summary>Indices of each table for one sample, where they differ; empty if all are <see cref="Hotness"/>.</summary>
    public ImmutableArray<int> TableHotness { get; init; } = [];

    /// <summary>The rate's course over the steps.</summary>
    public LearningRatePolicy RatePolicy { get; init; } = LearningRatePolicy.Constant;

    /// <summary>Times that a finite data set is read in training.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>The samples that it takes.</summary>
    public ClickSchema Schema => new(BottomLayers[0], TableRows, [.. TableRows.Select((_, table) => HotnessOf(table))]);

    public int EmbeddingWidth => BottomLayers[^1];

    /// <summary>Vectors that interact: the bottom output and one from each table.</summary>
    public int VectorCount => 1 + TableRows.Length;

    /// <summary>Width of the interaction's output: D + F(F-1)/2 for dot, F·D for cat.</summary>
    public int InteractionWidth => Interaction == Interaction.Dot
        ? EmbeddingWidth + VectorCount * (VectorCount - 1) / 2
        : VectorCount * EmbeddingWidth;

    /// <summary>Weights and biases of both networks.</summary>
    public long DenseParameterCount => Count(BottomLayers) + Count([InteractionWidth, .. TopLayers]);

    /// <summary>Elements of all tables.</summary>
    public long EmbeddingParameterCount => TableRows.Sum(rows => (long)rows) * EmbeddingWidth;

    public int HotnessOf(int table) => TableHotness.IsEmpty ? Hotness : TableHotness[table];

    /// <summary>The same model with no table larger than this.</summary>
    /// <exception cref="RduException">RDU0201: the cap is not positive.</exception>
    public DlrmConfiguration WithTableRowsCap(int rows)
    {
        if (rows < 1)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--table-rows-cap", "at least 1", $"{rows}", "give a positive number of rows");
        }

        return this with { TableRows = [.. TableRows.Select(all => Math.Min(all, rows))] };
    }

    private static long Count(IReadOnlyList<int> layers)
    {
        long count = 0;
        for (int i = 1; i < layers.Count; i++)
        {
            count += (long)layers[i] * (layers[i - 1] + 1);
        }

        return count;
    }
}
