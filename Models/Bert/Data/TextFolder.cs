using RduEmu.Kernels.Errors;

namespace RduEmu.Models.Bert.Data;

/// <summary>
/// Text in files: what WikiExtractor writes (articles between &lt;doc ...&gt; and &lt;/doc&gt;, the first line the title), and plain text.
/// Files are read in the ordinal order of their names.
/// </summary>
public static class TextFolder
{
    /// <summary>What stands beside text and describes it.</summary>
    private static readonly string[] Descriptions = ["SOURCE", "README", "LICENSE", "NOTICE"];

    /// <param name="path">A file, or a folder with files.</param>
    /// <exception cref="RduException">RDU0101: it is missing or unreadable; RDU0120: there is no text in it.</exception>
    public static IReadOnlyList<string> FindText(string path)
    {
        if (File.Exists(path))
        {
            return [path];
        }

        string[] files = [.. List(path).Where(file => !IsVocabulary(file) && !IsDescription(file))];
        return files.Length > 0
            ? files
            : throw new RduException(ErrorCatalogue.TextUnusable, path, "files of text", "none", "put wiki_00, ... of WikiExtractor or plain text there");
    }

    /// <summary>The vocabulary beside the text: vocab.txt, or the one of several whose name has "uncased" in it.</summary>
    /// <exception cref="RduException">RDU0101: there is none.</exception>
    public static string FindVocabulary(string path)
    {
        string folder = File.Exists(path) ? Path.GetDirectoryName(Path.GetFullPath(path))! : path;
        string[] found = [.. List(folder).Where(IsVocabulary)];
        return found.FirstOrDefault(file => Path.GetFileName(file) == "vocab.txt")
            ?? found.FirstOrDefault(file => Path.GetFileName(file).Contains("uncased", StringComparison.Ordinal))
            ?? found.FirstOrDefault()
            ?? throw new RduException(ErrorCatalogue.FileMissing, folder, "a vocabulary, *vocab.txt", "none", "put the vocab.txt of a BERT beside the text, or name it by --vocab");
    }

    /// <summary>The lines of a file that are text, in order.</summary>
    /// <exception cref="RduException">RDU0101: it cannot be read.</exception>
    public static IEnumerable<string> Lines(string path)
    {
        bool isTitle = false;
        foreach (string line in Read(path))
        {
            if (line.StartsWith("<doc ", StringComparison.Ordinal))
            {
                isTitle = true;
                continue;
            }

            bool isText = !isTitle && line.Length > 0 && !line.StartsWith("</doc>", StringComparison.Ordinal);
            isTitle &= line.Length == 0;
            if (isText)
            {
                yield return line;
            }
        }
    }

    private static string[] Read(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a file of text", error.Message, "check the path and its rights");
        }
    }

    private static IEnumerable<string> List(string folder)
    {
        try
        {
            return Directory.GetFiles(folder).Order(StringComparer.Ordinal);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, folder, "a file or a folder of text", error.Message, "check the path");
        }
    }

    private static bool IsVocabulary(string file) => Path.GetFileName(file).EndsWith("vocab.txt", StringComparison.Ordinal);

    private static bool IsDescription(string file) => Descriptions.Contains(Path.GetFileNameWithoutExtension(file)) || Path.GetFileName(file).StartsWith('.');
}
