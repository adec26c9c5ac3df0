using NUnit.Framework;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;

namespace RduEmu.Tests.CommandLine;

/// <summary>Every fault of a user ends in one line that names it, and in its exit code; nothing half-written stays.</summary>
[TestFixture, NonParallelizable]
public sealed class BadInputTests
{
    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase("RDU0101", 2, "train", "dlrm", "--data", "no-such-file")]
    [TestCase("RDU0101", 2, "run", "dlrm", "--data", "no-such-file.json")]
    [TestCase("RDU0101", 2, "notation", "no-such-file.txt")]
    [TestCase("RDU0201", 2, "notation", "no-such-file.txt", "--steps", "0")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--batch", "0")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--batch", "many")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--threads", "0")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--steps", "-1")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--learning-rate", "nan")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--table-rows-cap", "0")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--precision", "fp64")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--no-such-option")]
    [TestCase("RDU0201", 2, "train")]
    [TestCase("RDU0201", 2, "no-such-command")]
    [TestCase("RDU0201", 2, "check", "dlrm", "--threads", "1,x")]
    [TestCase("RDU0201", 2, "check", "dlrm", "--batches", "0")]
    [TestCase("RDU0202", 2, "train", "dlrm", "--preset", "huge")]
    [TestCase("RDU0202", 2, "train", "dlrm", "--mode", "o2")]
    [TestCase("RDU0202", 2, "train", "dlrm", "--optimizer", "adam")]
    [TestCase("RDU0202", 2, "train", "alexnet")]
    [TestCase("RDU0202", 2, "run", "alexnet", "--steps", "3")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--eval-every", "-1")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--preset", "tiny", "--patience", "2")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--preset", "tiny", "--plateau", "2")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--preset", "tiny", "--plateau-factor", "1")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--preset", "tiny", "--decay-power", "0")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--preset", "tiny", "--resume")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--preset", "tiny", "--plot", "loss.gif")]
    [TestCase("RDU0501", 2, "experiment", "index-add", "--plot", "/proc/norms.png")]
    [TestCase("RDU0201", 2, "experiment", "index-add", "--runs", "0")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--preset", "tiny", "--sockets", "3")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--preset", "tiny", "--accumulate", "0")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--preset", "tiny", "--batch", "10", "--accumulate", "4")]
    [TestCase("RDU0201", 2, "check", "dlrm", "--preset", "tiny", "--sockets", "1,5")]
    [TestCase("RDU0201", 2, "check", "dlrm", "--preset", "tiny", "--tiles", "-1")]
    [TestCase("RDU0201", 2, "check", "dlrm", "--preset", "tiny", "--inject", "0:samples_0:x:0")]
    [TestCase("RDU0201", 2, "check", "dlrm", "--preset", "tiny", "--inject", "0:samples_0:x:0:32")]
    [TestCase("RDU0202", 2, "check", "dlrm", "--preset", "tiny", "--devices", "host", "--inject", "0:samples_0:no-such-stage:0:0")]
    [TestCase("RDU0201", 2, "train", "dlrm", "--preset", "tiny", "--checkpoint-every", "5")]
    [TestCase("RDU0501", 2, "train", "dlrm", "--preset", "tiny", "--checkpoint", "/proc/checkpoints")]
    [TestCase("RDU0301", 2, "train", "dlrm", "--device", "gpu")]
    [TestCase("RDU0301", 2, "check", "dlrm", "--devices", "host,tpu")]
    [TestCase("RDU0302", 3, "train", "dlrm", "--preset", "tiny", "--device", "cuda:63")]
    [TestCase("RDU0302", 3, "run", "dlrm", "--preset", "tiny", "--device", "opencl:63")]
    [TestCase("RDU0303", 2, "train", "dlrm", "--preset", "kaggle", "--memory-limit", "1000000")]
    [TestCase("RDU0501", 2, "train", "dlrm", "--preset", "tiny", "--receipt", "/proc/receipt.json")]
    [TestCase("RDU0501", 2, "run", "dlrm", "--preset", "tiny", "--receipt", "no-such-folder/receipt.json")]
    [TestCase("RDU0501", 2, "train", "dlrm", "--preset", "tiny", "--arena-file", "/proc/arena")]
    public void FaultOfTheUser_IsOneLine(string id, int exit, params string[] args)
    {
        Cli result = Cli.Run([.. args]);

        Assert.That(result.Exit, Is.EqualTo(exit), result.Error);
        Assert.That(result.Error.TrimEnd().Split('\n'), Has.Length.EqualTo(1), result.Error);
        Assert.That(result.Error, Does.StartWith($"{id}: ").And.Contain("where: ").And.Contain("expected: ").And.Contain("got: ").And.Contain("do: "));
        Assert.That(result.Out, Is.Empty);
    }

    [Test]
    public void IndexOutsideATable_IsNamed() => ExampleMustFail(index: "9", dense: "0.5", "RDU0105", "table 0");

    [Test]
    public void NaNInADenseFeature_IsNamed() => ExampleMustFail(index: "1", dense: "\"NaN\"", "RDU0106", "dense feature 1");

    [Test]
    public void ExampleThatIsNoJson_IsNamed()
    {
        string path = Path.Combine(_folder, "example.json");
        File.WriteAllText(path, "{");
        Cli result = Cli.Run("train", "dlrm", "--preset", "tiny", "--data", path);

        Assert.That((result.Exit, result.Error[..7]), Is.EqualTo((2, "RDU0104")));
    }

    [Test]
    public void TooFewSamplesForABatch_AreNamed()
    {
        string path = Path.Combine(_folder, "clicks.txt");
        File.WriteAllText(path, string.Join('\t', Enumerable.Repeat("0", 40)));
        Cli result = Cli.Run("train", "dlrm", "--data", path, "--table-rows-cap", "10");

        Assert.That(result.Exit, Is.EqualTo(2));
        Assert.That(result.Error, Does.Contain("RDU0201").And.Contain("clicks.txt"));
    }

    /// <summary>The temporary file is a link to the device that is always full.</summary>
    [Test, Platform("Linux")]
    public void DiskThatIsFull_IsNamed_AndLeavesNothing()
    {
        string path = Path.Combine(_folder, "receipt.json");
        File.WriteAllText(path, "an older receipt");
        File.CreateSymbolicLink($"{path}.{Environment.ProcessId}.tmp", "/dev/full");
        RduException error = Assert.Throws<RduException>(() => AtomicFile.Write(path, new byte[100]))!;

        Assert.That(error.Message, Does.StartWith("RDU0501").And.Contain(path));
        Assert.That(Directory.GetFiles(_folder), Is.EqualTo(new[] { path }).AsCollection);
        Assert.That(File.ReadAllText(path), Is.EqualTo("an older receipt"));
    }

    private void ExampleMustFail(string index, string dense, string id, string where)
    {
        string path = Path.Combine(_folder, "example.json");
        File.WriteAllText(
            path,
            $$"""
            {"optimizer":{"kind":"sgd","lr":0.01},
             "bottom_mlp":[{"weight":[1,1,1,1,1,1,1,1,1,1,1,1],"bias":[0,0,0]},{"weight":[1,1,1,1,1,1],"bias":[0,0]}],
             "top_mlp":[{"weight":[{{string.Join(',', Enumerable.Repeat("1", 32))}}],"bias":[0,0,0,0]},{"weight":[1,1,1,1,1,1,1,1],"bias":[0,0]},{"weight":[1,1],"bias":[0]}],
             "embedding_tables":[[1,1,1,1,1,1,1,1],[1,1,1,1,1,1],[1,1,1,1]],
             "batches":[{"dense":[[0.5,{{dense}},0.5,0.5]],"indices_per_table_per_sample":[[[{{index}}]],[[0]],[[0]]],"target":[1]}]}
            """);
        Cli result = Cli.Run("train", "dlrm", "--preset", "tiny", "--data", path, "--json");

        Assert.That(result.Exit, Is.EqualTo(2), result.Error);
        Assert.That(result.Error, Does.Contain(id).And.Contain(where));
        Assert.That(result.Out, Is.Empty);
    }
}
