using Microsoft.ML.Tokenizers;
using RduEmu.Kernels.Errors;

namespace RduEmu.Models.Bert.Data;

/// <summary>The pieces that a sequence is put together with.</summary>
/// <param name="Padding">Behind the last token.</param>
/// <param name="Classification">Before the first.</param>
/// <param name="Separator">Behind each segment.</param>
/// <param name="Mask">In the place of what is to be predicted.</param>
/// <param name="Count">Pieces of the vocabulary.</param>
public sealed record SpecialPieces(int Padding, int Classification, int Separator, int Mask, int Count)
{
    /// <summary>The special pieces and two words.</summary>
    public const int SmallestVocabulary = 6;

    /// <summary>Where the published vocabularies have them; the first four of a vocabulary that is too small for that.</summary>
    public static SpecialPieces Default(int count) => count > 103 ? new(0, 101, 102, 103, count) : new(0, 1, 2, 3, count);
}

/// <summary>A vocabulary of word pieces, one a line (github.com/google-research/bert, tokenization.py), and text cut into them.</summary>
public sealed class WordPieces
{
    private readonly BertTokenizer _tokenizer;

    private readonly bool _keepsAccents;

    private WordPieces(BertTokenizer tokenizer, SpecialPieces special, bool keepsAccents)
    {
        _tokenizer = tokenizer;
        _keepsAccents = keepsAccents;
        Special = special;
    }

    public SpecialPieces Special { get; }

    /// <param name="path">The vocabulary; a name with "-cased" keeps upper case and accents, any other does not.</param>
    /// <exception cref="RduException">RDU0101: it cannot be read; RDU0120: it is no vocabulary.</exception>
    public static WordPieces Load(string path)
    {
        try
        {
            var lines = new Dictionary<string, int>();
            int count = 0;
            foreach (string line in File.ReadLines(path))
            {
                _ = lines.TryAdd(line.TrimEnd(), count++);
            }

            int Find(string piece) => lines.TryGetValue(piece, out int at)
                ? at
                : throw new RduException(ErrorCatalogue.TextUnusable, path, $"a vocabulary with {piece}, one piece a line", $"{count} lines without it", "give the vocab.txt of a BERT");
            var special = new SpecialPieces(Find("[PAD]"), Find("[CLS]"), Find("[SEP]"), Find("[MASK]"), count);
            _ = Find("[UNK]");
            bool keepsCase = Path.GetFileName(path).Contains("-cased", StringComparison.Ordinal);
            var options = new BertOptions { LowerCaseBeforeTokenization = !keepsCase, RemoveNonSpacingMarks = !keepsCase };
            return new WordPieces(BertTokenizer.Create(path, options), special, keepsCase);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a vocabulary, one piece a line", error.Message, "give the vocab.txt of a BERT");
        }
    }

    /// <summary>The pieces of a text, without those of <see cref="Special"/>.</summary>
    public IReadOnlyList<int> Encode(string text) => _tokenizer.EncodeToIds(
        _keepsAccents ? text : Accents.Remove(text), addSpecialTokens: false, considerPreTokenization: true, considerNormalization: true);
}
