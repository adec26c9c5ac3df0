using System.Reflection;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Machine.Spec;

/// <summary>The parts that come with the product, and descriptions of the user's own.</summary>
public static class RduParts
{
    public const string Default = "sn10";

    public static IReadOnlyList<string> Names { get; } = ["plasticine", "sn10", "sn30", "sn40l"];

    /// <param name="target">A part's name, or the path of a description that ends in <c>.json</c>.</param>
    /// <exception cref="RduException">RDU0202: no such part. RDU0101: no such file. RDU0601: a number is missing or makes no sense.</exception>
    public static RduSpec Find(string target)
    {
        if (Names.Contains(target))
        {
            return RduSpecReader.Read(Resource($"{target}.json"), target);
        }

        if (!target.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            throw new RduException(
                ErrorCatalogue.NameUnknown, "--target", $"{string.Join(", ", Names)}, or a description ending in .json", target, "choose one of the parts");
        }

        try
        {
            return RduSpecReader.Read(File.ReadAllBytes(target), target);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, target, "a machine description", error.Message, "name a file that exists");
        }
    }

    private static byte[] Resource(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"resource {name} is missing");
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
