using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;

namespace RduEmu.Tests.Training;

/// <summary>The real process, killed at random moments while it trains and writes checkpoints, then resumed.</summary>
[TestFixture, NonParallelizable]
public sealed class KillTests
{
    private const int Steps = 4000;

    private static readonly string[] Training =
        ["train", "dlrm", "--preset", "tiny", "--optimizer", "adagrad", "--steps", $"{Steps}", "--threads", "1", "--json"];

    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void KilledAndResumed_TheBitsAreThoseOfTheWhole() => KillAndResume(kills: 3, seed: 1);

    [Test, Category("Slow"), Explicit("a minute or two: twenty processes are started and killed")]
    public void KilledTwentyTimes_TheBitsAreThoseOfTheWhole() => KillAndResume(kills: 20, seed: 2);

    /// <summary>Each process gets as far as a new checkpoint and some random milliseconds more: into steps, or into writing the next.</summary>
    private void KillAndResume(int kills, int seed)
    {
        string whole = Finish(Training);
        var random = new Random(seed);
        string[] kept = [.. Training, "--checkpoint", _folder, "--checkpoint-every", "7", "--resume"];
        string file = Path.Combine(_folder, "checkpoint.safetensors");
        int stopped = 0;
        for (int kill = 0; kill < kills; kill++)
        {
            using Process process = Start(kept);
            DateTime before = File.Exists(file) ? File.GetLastWriteTimeUtc(file) : DateTime.MinValue;
            while (!process.HasExited && (!File.Exists(file) || File.GetLastWriteTimeUtc(file) == before))
            {
                Thread.Sleep(1);
            }

            Thread.Sleep(random.Next(20));
            process.Kill();
            process.WaitForExit();
            stopped += process.ExitCode == 0 ? 0 : 1;
        }

        Assert.That(stopped, Is.Positive, "kills that met a training on its way");
        Assert.That(Finish(kept), Is.EqualTo(whole));
        Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(1), "what killed processes left is cleared away");
    }

    private static string Finish(string[] args)
    {
        using Process process = Start(args);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string written = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, errors.Result);
        using var document = JsonDocument.Parse(written);
        return document.RootElement.GetProperty("weightsDigest").GetString()!;
    }

    private static Process Start(string[] args)
    {
        string program = Path.Combine(TestContext.CurrentContext.TestDirectory, "rduemu.dll");
        return Process.Start(new ProcessStartInfo("dotnet", [program, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
    }
}
