using ScottPlot;
using SkiaSharp;

namespace RduEmu.Emulator.Plots;

/// <summary>
/// A font for the text of plots. The native part of SkiaSharp that needs no other library (on Linux) does not know the system's fonts, and
/// draws no text without one: then a font file is looked for where distributions keep them.
/// </summary>
internal static class PlotFonts
{
    private const string Name = "RduEmu plots";

    /// <summary>Sans-serif fonts that distributions have, the first one found is taken; else any.</summary>
    private static readonly string[] Preferred = ["DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf"];

    private static readonly Lazy<bool> Found = new(Find);

    /// <summary>True if plots have text.</summary>
    public static bool Exist => Found.Value;

    private static bool Find()
    {
        // Without the system's fonts it has one family, which has no name and no letters.
        if (SKFontManager.Default.FontFamilies.Any(name => name.Length > 0))
        {
            return true;
        }

        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var options = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true };
        string[] files =
        [
            .. new[] { "/usr/share/fonts", "/usr/local/share/fonts", Path.Combine(home, ".local/share/fonts"), Path.Combine(home, ".fonts") }
                .Where(Directory.Exists).SelectMany(folder => Directory.EnumerateFiles(folder, "*.ttf", options)).Order(StringComparer.Ordinal),
        ];
        string? file = Preferred.Select(name => Array.Find(files, path => Path.GetFileName(path) == name)).FirstOrDefault(path => path is not null) ?? files.FirstOrDefault();
        if (file is not null)
        {
            string bold = $"{file[..^".ttf".Length].Replace("-Regular", string.Empty, StringComparison.Ordinal)}-Bold.ttf";
            Fonts.AddFontFile(Name, file);
            Fonts.AddFontFile(Name, File.Exists(bold) ? bold : file, bold: true);
            Fonts.Default = Name;
        }

        return file is not null;
    }
}
