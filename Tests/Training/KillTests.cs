using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;

namespace RduEmu.Tests.Training;

/// <summary>The real process, killed at random moments while it trains and writes checkpoints, then resumed.</summary>
[TestFixture, NonParallelizable]
public sealed class KillTests
{
    /// <summary>
    /// BERT and UNet drop elements and round stochastically: the counters of their random numbers must go on too. Steps of a kill, of which each
    /// process does seven and what it gets to until the kill.
    /// </summary>
    private static readonly Dictionary<string, (int StepsOfAKill, string[] Options)> Trainings = new()
    {
        ["dlrm"] = (200, ["--preset", "tiny", "--optimizer", "adagrad"]),
        ["bert"] =
        (
            60,
            [
                "--preset", "mini", "--layers", "1", "--hidden", "16", "--vocabulary", "60", "--tokens", "12", "--batch", "4", "--optimizer", "lamb",
                "--precision", "bf16",
            ]
        ),
        ["unet"] = (60, ["--preset", "keras", "--features", "2", "--image", "16", "--batch", "2", "--precision", "bf16"]),
    };

    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void KilledAndResumed_TheBitsAreThoseOfTheWhole([Values("dlrm", "bert")] string model) => KillAndResume(model, kills: 3, seed: 1);

    [Test, Category("Slow"), Explicit("a minute or two each: twenty processes are started and killed")]
    public void KilledTwentyTimes_TheBitsAreThoseOfTheWhole([Values("dlrm", "bert", "unet")] string model) => KillAndResume(model, kills: 20, seed: 2);

    /// <summary>Each process gets as far as a new checkpoint and some random milliseconds more: into steps, or into writing the next.</summary>
    private void KillAndResume(string model, int kills, int seed)
    {
        (int stepsOfAKill, string[] options) = Trainings[model];
        string[] training = ["train", model, .. options, "--steps", $"{kills * stepsOfAKill}", "--threads", "1", "--json"];
        string whole = Finish(training);
        var random = new Random(seed);
        string[] kept = [.. training, "--checkpoint", _folder, "--checkpoint-every", "7", "--resume"];
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

        TestContext.Out.WriteLine($"{stopped} of {kills} kills met a training on its way");
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
