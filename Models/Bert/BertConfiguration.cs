using System.Collections.Immutable;
using RduEmu.Kernels.Errors;

namespace RduEmu.Models.Bert;

/// <summary>The shape of a BERT (Devlin et al., arXiv:1810.04805; github.com/google-research/bert, modeling.py).</summary>
/// <param name="Name">The preset's name.</param>
/// <param name="Layers">Encoder layers.</param>
/// <param name="Hidden">Width of a token, a multiple of the heads.</param>
/// <param name="Heads">Heads of each attention.</param>
/// <param name="Intermediate">Width of the feed-forward layer.</param>
public sealed record BertConfiguration(string Name, int Layers, int Hidden, int Heads, int Intermediate)
{
    /// <summary>Rows of the table of positions: the longest sequence.</summary>
    public int Positions { get; init; } = 512;

    /// <summary>Word pieces; 30,522 are those of the uncased English models.</summary>
    public int Vocabulary { get; init; } = 30522;

    /// <summary>Segments of a sequence: A and B.</summary>
    public int Types { get; init; } = 2;

    /// <summary>Added to the variance in every layer norm.</summary>
    public float Epsilon { get; init; } = 1e-12f;

    /// <summary>Rate of every dropout, in [0, 1).</summary>
    public float Dropout { get; init; } = 0.1f;

    /// <summary>Peak learning rate by default: that of the paper; narrow models take more.</summary>
    public float Rate { get; init; } = 1e-4f;

    /// <summary>Standard deviation of the first weights.</summary>
    public float InitialDeviation { get; init; } = 0.02f;

    /// <summary>Samples that a training takes at a time by default.</summary>
    public int BatchSamples { get; init; } = 32;

    /// <summary>Tokens of a sequence in training by default.</summary>
    public int Tokens { get; init; } = 128;

    /// <summary>2 and 4 layers of 64-wide heads: google-research/bert's README, "Smaller BERT models". So small a model has nothing to drop.</summary>
    public static BertConfiguration Tiny { get; } = new("tiny", 2, 128, 2, 512) { Dropout = 0f, Rate = 1e-3f };

    public static BertConfiguration Mini { get; } = new("mini", 4, 256, 4, 1024) { Rate = 1e-3f };

    public static BertConfiguration Small { get; } = new("small", 4, 512, 8, 2048);

    public static BertConfiguration Base { get; } = new("base", 12, 768, 12, 3072);

    public static BertConfiguration Large { get; } = new("large", 24, 1024, 16, 4096);

    public static ImmutableArray<BertConfiguration> All { get; } = [Tiny, Mini, Small, Base, Large];

    /// <exception cref="RduException">RDU0202: there is no preset of this name.</exception>
    public static BertConfiguration Find(string name) =>
        All.FirstOrDefault(preset => preset.Name == name)
        ?? throw new RduException(
            ErrorCatalogue.NameUnknown, "--preset", string.Join(", ", All.Select(preset => preset.Name)), name, "choose one of the presets");

    /// <summary>Tokens of a sequence that a masked language model predicts at most: 15%, as in the paper; 20 of 128.</summary>
    public static int PredictionsOf(int tokens) => Math.Max(1, (tokens * 15 + 99) / 100);
}
