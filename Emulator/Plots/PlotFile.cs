using System.Text;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;
using ScottPlot;

namespace RduEmu.Emulator.Plots;

/// <summary>Plots as PNG or SVG, whichever the file's name says.</summary>
internal static class PlotFile
{
    private const int WidthPixels = 900;
    private const int HeightPixels = 500;

    /// <summary>Fails early where <see cref="Write"/> would fail at the end.</summary>
    /// <exception cref="RduException">RDU0201: neither .png nor .svg. RDU0501: it cannot be written.</exception>
    public static void Require(string path)
    {
        if (Path.GetExtension(path) is not (".png" or ".svg"))
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--plot", "a file that ends in .png or .svg", path, "name such a file");
        }

        AtomicFile.RequireWritable(path);
    }

    /// <summary>An empty plot; it is told on stderr if it will have no text.</summary>
    public static Plot New()
    {
        if (!PlotFonts.Exist)
        {
            Console.Error.WriteLine("no font was found on this machine: the plot has no text");
        }

        return new Plot();
    }

    /// <exception cref="RduException">RDU0501: it cannot be written.</exception>
    public static void Write(string path, Plot plot) => AtomicFile.Write(
        path,
        Path.GetExtension(path) == ".svg" ? Encoding.UTF8.GetBytes(plot.GetSvgXml(WidthPixels, HeightPixels)) : plot.GetImageBytes(WidthPixels, HeightPixels, ImageFormat.Png));
}
