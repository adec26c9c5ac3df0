using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Models.Bert.Data;

/// <summary>A text as word pieces, all documents one after the other; its last twentieth is kept apart.</summary>
/// <param name="Name">For people: where it comes from.</param>
/// <param name="Tokens">The pieces.</param>
/// <param name="Special">What sequences are put together with.</param>
public sealed record TokenText(string Name, int[] Tokens, SpecialPieces Special)
{
    /// <summary>One of so many tokens is held out.</summary>
    private const int HeldOutPart = 20;

    /// <summary>Tokens of a generated text.</summary>
    private const int GeneratedTokens = 400_000;

    private const int GeneratedWords = 1000;
    private const int Successors = 3;

    /// <summary>One of so many generated words follows no rule.</summary>
    private const uint NoisePart = 10;

    private const int GeneratorStream = 0x5445_5854;

    /// <summary>What is trained on.</summary>
    public ReadOnlyMemory<int> Training => Tokens.AsMemory(0, Tokens.Length - Tokens.Length / HeldOutPart);

    /// <summary>What is kept apart: the last 5%.</summary>
    public ReadOnlyMemory<int> HeldOut => Tokens.AsMemory(Tokens.Length - Tokens.Length / HeldOutPart);

    /// <summary>Text from files.</summary>
    /// <param name="path">A file or a folder.</param>
    /// <param name="vocabularyPath">The vocabulary, or null for the one beside the text.</param>
    /// <param name="largestVocabulary">Rows of the model's table of words.</param>
    /// <exception cref="RduException">RDU0101: something cannot be read; RDU0120: no text, or a vocabulary that does not fit.</exception>
    public static TokenText Read(string path, string? vocabularyPath, int largestVocabulary)
    {
        IReadOnlyList<string> files = TextFolder.FindText(path);
        string vocabulary = vocabularyPath ?? TextFolder.FindVocabulary(path);
        WordPieces pieces = WordPieces.Load(vocabulary);
        if (pieces.Special.Count > largestVocabulary)
        {
            throw new RduException(
                ErrorCatalogue.TextUnusable, vocabulary, $"at most {largestVocabulary} pieces, as the model has", $"{pieces.Special.Count}", "give the vocabulary of this model");
        }

        var tokens = new List<int>();
        foreach (string line in files.SelectMany(TextFolder.Lines))
        {
            tokens.AddRange(pieces.Encode(line));
        }

        return new TokenText(path, [.. tokens], pieces.Special);
    }

    /// <summary>
    /// A text with something to learn, the same everywhere: of every word three others can follow, one of ten words is any. So a
    /// masked word is one of a few that fit between its neighbours, where at first it is one of all.
    /// </summary>
    /// <param name="vocabulary">Pieces of the model.</param>
    /// <param name="seed">The rules and the text depend on it.</param>
    public static TokenText Generate(int vocabulary, int seed)
    {
        var special = SpecialPieces.Default(vocabulary);
        int first = special.Mask + 1;
        int words = Math.Min(GeneratedWords, vocabulary - first);
        if (words < 2)
        {
            throw new ArgumentException("too few pieces for a text", nameof(vocabulary));
        }

        var tokens = new int[GeneratedTokens];
        int word = 0;
        for (int i = 0; i < tokens.Length; i++)
        {
            uint draw = Draw(seed, 1, i, 0);
            word = Draw(seed, 1, i, 1) % NoisePart == 0
                ? (int)(draw % (uint)words)
                : (int)(Draw(seed, 0, word, (int)(draw % Successors)) % (uint)words);
            tokens[i] = first + word;
        }

        return new TokenText("generated text", tokens, special);
    }

    private static uint Draw(int seed, int purpose, int a, int b)
    {
        int c0 = a, c1 = b, c2 = purpose, c3 = 0;
        Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, seed, GeneratorStream);
        return (uint)c0;
    }
}
