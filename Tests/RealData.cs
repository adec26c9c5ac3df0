using NUnit.Framework;

namespace RduEmu.Tests;

/// <summary>Real data sets, below the folder that RDUEMU_DATA names; a test without its data is skipped, visibly.</summary>
internal static class RealData
{
    public static string Require(params string[] parts)
    {
        string? root = Environment.GetEnvironmentVariable("RDUEMU_DATA");
        string path = Path.Combine([root ?? string.Empty, .. parts]);
        if (root is null || !Path.Exists(path))
        {
            Assert.Ignore($"RDUEMU_DATA does not name a folder with {Path.Combine(parts)}");
        }

        return path;
    }
}
