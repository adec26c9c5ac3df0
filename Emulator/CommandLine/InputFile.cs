using System.Text;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary>Files that are read whole.</summary>
internal static class InputFile
{
    /// <exception cref="RduException">RDU0101: it is missing or unreadable.</exception>
    public static byte[] ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a readable file", error.Message, "correct the path");
        }
    }

    /// <inheritdoc cref="ReadBytes"/>
    public static string ReadText(string path) => Encoding.UTF8.GetString(ReadBytes(path));
}
