using System.Text.Json;
using NUnit.Framework;

namespace RduEmu.Tests.CommandLine;

/// <summary><c>run --profile</c> and <c>--trace</c>.</summary>
[TestFixture, NonParallelizable]
public sealed class ProfileCommandTests
{
    private static readonly string[] Small = ["run", "unet", "--features", "2", "--image", "16", "--batch", "2", "--steps", "3"];
    private static readonly string[] TwoTracks = ["worker 0", "worker 1"];

    [Test]
    public void Profile_HasEveryStage_AndLeavesTheOutputs([Values(1, 2)] int threads)
    {
        string[] common = [.. Small, "--threads", $"{threads}", "--json"];
        JsonElement plain = Cli.Run(common).Json;
        JsonElement profiled = Cli.Run([.. common, "--profile"]).Json;

        Assert.That(profiled.GetProperty("outputsDigest").GetString(), Is.EqualTo(plain.GetProperty("outputsDigest").GetString()));
        Assert.That(plain.GetProperty("profile").ValueKind, Is.EqualTo(JsonValueKind.Null));
        JsonElement profile = profiled.GetProperty("profile");
        Assert.That(profile.GetProperty("sections").GetArrayLength(), Is.EqualTo(profiled.GetProperty("sections").GetInt32()));
        JsonElement[] stages = [.. profile.GetProperty("stages").EnumerateArray()];
        Assert.That(stages.Count(stage => stage.GetProperty("name").GetString()!.StartsWith("ImageConvolution", StringComparison.Ordinal)), Is.EqualTo(23));
        Assert.That(stages, Is.All.Matches<JsonElement>(stage => stage.GetProperty("busySeconds").GetDouble() > 0));
        Assert.That(
            stages.Where(stage => stage.GetProperty("operations").GetDouble() > 0).Select(stage => stage.GetProperty("bytes").GetDouble()), Is.All.GreaterThan(0));
    }

    [Test]
    public void Profile_PrintsSectionsAndStages()
    {
        Cli run = Cli.Run([.. Small, "--profile"]);

        Assert.That(run.Exit, Is.Zero);
        Assert.That(run.Out, Does.Contain("roofline").And.Contain("ImageConvolution").And.Contain("GFLOP/s"));
    }

    [Test]
    public void Trace_HasATrackForEachWorker_AndSlicesInOrder()
    {
        string path = Path.Combine(Path.GetTempPath(), $"rdu-{Guid.NewGuid():N}.json");
        try
        {
            Cli run = Cli.Run([.. Small, "--threads", "2", "--trace", path]);
            Assert.That(run.Exit, Is.Zero);
            using JsonDocument trace = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement[] events = [.. trace.RootElement.GetProperty("traceEvents").EnumerateArray()];
            Assert.That(
                events.Where(one => one.GetProperty("name").GetString() == "thread_name").Select(one => one.GetProperty("args").GetProperty("name").GetString()),
                Is.EqualTo(TwoTracks));
            foreach (IGrouping<int, JsonElement> worker in events.Where(one => one.GetProperty("ph").GetString() == "X").GroupBy(one => one.GetProperty("tid").GetInt32()))
            {
                double end = 0;
                foreach (JsonElement slice in worker)
                {
                    // Begin and length are rounded to nanoseconds each.
                    Assert.That(slice.GetProperty("ts").GetDouble(), Is.GreaterThanOrEqualTo(end - 0.0015));
                    end = slice.GetProperty("ts").GetDouble() + slice.GetProperty("dur").GetDouble();
                }
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestCase("--device", "ilgpu")]
    [TestCase("--sockets", "2")]
    public void Profile_ElsewhereThanOnOneHost_IsRefused(string option, string value)
    {
        Cli run = Cli.Run([.. Small, "--profile", option, value]);

        Assert.That(run.Exit, Is.EqualTo(2));
        Assert.That(run.Error, Does.Contain("RDU0201").And.Contain("--profile").And.Contain(value));
    }

    [Test]
    public void Trace_IntoAFolderThatIsNotThere_IsRefused()
    {
        Cli run = Cli.Run([.. Small, "--trace", "/no/such/folder/t.json"]);

        Assert.That(run.Exit, Is.EqualTo(2));
        Assert.That(run.Error, Does.Contain("RDU0501"));
    }
}
