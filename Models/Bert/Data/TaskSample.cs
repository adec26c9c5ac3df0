using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Models.Bert.Data;

/// <summary>A sample of a task: one or two segments of word pieces, and what is to be found.</summary>
/// <param name="First">The first segment; of a span the question.</param>
/// <param name="Second">The second segment, or nothing; of a span the context.</param>
/// <param name="Class">The class; of a span 0.</param>
/// <param name="Start">First piece of the answer in the context; of a class 0.</param>
/// <param name="End">Last piece of the answer, itself included.</param>
public sealed record TaskSample(int[] First, int[] Second, int Class, int Start = 0, int End = 0);

/// <summary>The samples of a task, from a file of tab-separated lines or generated; every tenth is kept apart.</summary>
/// <param name="Name">For people: where they come from.</param>
/// <param name="Samples">All of them.</param>
/// <param name="Classes">Names of the classes, in the order of their numbers; of spans none.</param>
/// <param name="Special">What sequences are put together with.</param>
public sealed record TaskText(string Name, IReadOnlyList<TaskSample> Samples, IReadOnlyList<string> Classes, SpecialPieces Special)
{
    private const int HeldOutOneIn = 10;
    private const int GeneratedSamples = 2000;
    private const int GeneratedTokens = 20;
    private const int GeneratedWords = 200;
    private const int GeneratorStream = 0x5441_534B;

    public IReadOnlyList<TaskSample> Training => [.. Samples.Where((_, i) => i % HeldOutOneIn != HeldOutOneIn - 1)];

    public IReadOnlyList<TaskSample> HeldOut => [.. Samples.Where((_, i) => i % HeldOutOneIn == HeldOutOneIn - 1)];

    /// <summary>
    /// Lines of a file: of classes <c>label TAB text</c> or <c>label TAB text TAB text</c>; of spans <c>question TAB context TAB answer</c>,
    /// the answer being the first place in the context where its pieces stand.
    /// </summary>
    /// <exception cref="RduException">RDU0101: it cannot be read; RDU0120: a line is not of this form, or there are too few.</exception>
    public static TaskText Read(string path, bool isSpan, string? vocabularyPath)
    {
        WordPieces pieces = WordPieces.Load(vocabularyPath ?? TextFolder.FindVocabulary(path));
        string[][] lines;
        try
        {
            lines = [.. File.ReadLines(path).Where(line => line.Length > 0).Select(line => line.Split('\t'))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a file of tab-separated lines", error.Message, "check the path and its rights");
        }

        string[] classes = isSpan ? [] : [.. lines.Select(fields => fields[0]).Distinct().Order(StringComparer.Ordinal)];
        if (lines.Length < HeldOutOneIn || (!isSpan && classes.Length < 2))
        {
            throw new RduException(
                ErrorCatalogue.TextUnusable, path, $"at least {HeldOutOneIn} lines{(isSpan ? string.Empty : " of two labels")}", $"{lines.Length} lines, {classes.Length} labels", "give more samples");
        }

        int[] Encode(string text) => [.. pieces.Encode(text)];
        var samples = new List<TaskSample>();
        for (int i = 0; i < lines.Length; i++)
        {
            string[] fields = lines[i];
            if (isSpan ? fields.Length != 3 : fields.Length is < 2 or > 3)
            {
                throw new RduException(
                    ErrorCatalogue.TextUnusable, $"{path}, line {i + 1}", isSpan ? "question, context and answer between tabs" : "a label and one or two texts between tabs",
                    $"{fields.Length} fields", "correct the line");
            }

            if (!isSpan)
            {
                samples.Add(new TaskSample(Encode(fields[1]), fields.Length > 2 ? Encode(fields[2]) : [], Array.IndexOf(classes, fields[0])));
                continue;
            }

            int[] context = Encode(fields[1]);
            int[] answer = Encode(fields[2]);
            int start = context.AsSpan().IndexOf(answer);
            if (answer.Length == 0 || start < 0)
            {
                throw new RduException(ErrorCatalogue.TextUnusable, $"{path}, line {i + 1}", "an answer that stands in the context", fields[2], "correct the line");
            }

            samples.Add(new TaskSample(Encode(fields[0]), context, 0, start, start + answer.Length - 1));
        }

        return new TaskText(path, samples, classes, pieces.Special);
    }

    /// <summary>
    /// Samples with something to learn. Of a class: words, one of which is from the class's own half of the vocabulary's first words. Of
    /// a span: the question is a word that stands once in the context; the answer is the one or two words behind it.
    /// </summary>
    public static TaskText Generate(int vocabulary, bool isSpan, int seed)
    {
        var special = SpecialPieces.Default(vocabulary);
        int first = special.Mask + 1;
        int words = Math.Min(GeneratedWords, vocabulary - first);
        int marks = words / 4;
        if (marks < 2)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--vocabulary", $"at least {first + 8} pieces for a generated task", $"{vocabulary}", "give a larger vocabulary");
        }

        var samples = new TaskSample[GeneratedSamples];
        for (int n = 0; n < samples.Length; n++)
        {
            int Below(int draw, int end) => (int)((ulong)Draw(seed, n, draw) * (uint)end >> 32);
            int[] text = [.. Enumerable.Range(0, GeneratedTokens).Select(i => first + marks + Below(8 + i, words - marks))];
            int at = Below(0, GeneratedTokens - 2);
            int mark = Below(1, marks);
            text[at] = first + mark;
            samples[n] = isSpan
                ? new TaskSample([first + mark], text, 0, at + 1, at + 1 + Below(2, 2))
                : new TaskSample(text, [], mark < marks / 2 ? 0 : 1);
        }

        return new TaskText(isSpan ? "generated questions" : "generated classes", samples, isSpan ? [] : ["first", "second"], special);
    }

    private static uint Draw(int seed, int sample, int draw)
    {
        int c0 = draw, c1 = sample, c2 = 0, c3 = 0;
        Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, seed, GeneratorStream);
        return (uint)c0;
    }
}
