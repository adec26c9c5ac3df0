using System.Globalization;
using System.IO.Compression;
using System.Text;
using NUnit.Framework;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Data;
using RduEmu.Models.Dlrm;

namespace RduEmu.Tests.Models;

[TestFixture]
public sealed class CriteoReaderTests
{
    private static readonly ClickSchema Kaggle = DlrmPresets.Kaggle.WithTableRowsCap(1000).Schema;
    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Rules_AreThoseOfTheReference()
    {
        string row = Row(label: 1, integers: ["", "-3", "0", "1", "99", .. Enumerable.Repeat("2", 8)], categories: ["ffffffff", "", "0A", .. Enumerable.Repeat("1f", 23)]);
        ClickBatch batch = ReadAll(Write("a.txt", row), 4);

        Assert.That(batch.CountSamples, Is.EqualTo(1));
        Assert.That(batch.Targets[0], Is.EqualTo(1f));
        Assert.That(batch.Dense[..5], Is.EqualTo(new[] { 0f, 0f, 0f, MathF.Log(2), MathF.Log(100) }).AsCollection.Within(1e-6f));
        Assert.That(batch.Indices[0][0], Is.EqualTo((int)(0xffffffffL % Kaggle.TableRows[0])));
        Assert.That(batch.Indices[1][0], Is.Zero);
        Assert.That(batch.Indices[2][0], Is.EqualTo(10));
    }

    [Test]
    public void PlainAndCompressed_WithAnyLineEnd_AreTheSame([Values("\n", "\r\n")] string lineEnd, [Values] bool endsWithNewline)
    {
        string[] rows = [.. Enumerable.Range(0, 3000).Select(i => Row(i % 2, [.. Enumerable.Repeat($"{i}", 13)], [.. Enumerable.Repeat($"{i:x}", 26)]))];
        string text = string.Join(lineEnd, rows) + (endsWithNewline ? lineEnd : string.Empty);
        ClickBatch plain = ReadAll(Write("a.txt", text), 4000);
        string compressed = Path.Combine(_folder, "b.gz");
        File.WriteAllBytes(compressed, Gzip(Encoding.UTF8.GetBytes(text)));
        ClickBatch unpacked = ReadAll(compressed, 4000);

        Assert.That(plain.CountSamples, Is.EqualTo(3000));
        Assert.That(plain.Indices[2][2999], Is.EqualTo(2999 % Kaggle.TableRows[2]));
        Assert.That(unpacked.CountSamples, Is.EqualTo(3000));
        Assert.That(unpacked.Dense, Is.EqualTo(plain.Dense).AsCollection);
        Assert.That(unpacked.Indices[7], Is.EqualTo(plain.Indices[7]).AsCollection);
    }

    [Test]
    public void HeldOutRows_AreEveryTenth_AndNoOthersAreTrainedOn()
    {
        string path = Write("a.txt", string.Join('\n', Enumerable.Range(1, 25).Select(i => Row(0, [.. Enumerable.Repeat("0", 13)], [.. Enumerable.Repeat($"{i:x}", 26)]))));
        using var training = new CriteoReader(path, Kaggle, CriteoRows.Training);
        using var heldOut = new CriteoReader(path, Kaggle, CriteoRows.HeldOut);
        var batch = new ClickBatch(Kaggle, 100);
        heldOut.Read(batch);
        int[] expected = [10, 20];
        Assert.That(batch.Indices[0][..batch.CountSamples], Is.EqualTo(expected).AsCollection);
        training.Read(batch);
        Assert.That(batch.CountSamples, Is.EqualTo(23));
        Assert.That(batch.Indices[0][..23], Has.No.Member(10).And.No.Member(20));
    }

    [Test]
    public void AFolder_IsReadInTheOrderOfNames_AndAgain()
    {
        Write("day_1", Row(1, Zeros(13), Zeros(26)));
        Write("day_0", Row(0, Zeros(13), Zeros(26)));
        using var reader = new CriteoReader(_folder, Kaggle, CriteoRows.All);
        var batch = new ClickBatch(Kaggle, 10);
        float[] expected = [0f, 1f];
        for (int epoch = 0; epoch < 2; epoch++)
        {
            reader.Read(batch);
            Assert.That(batch.Targets[..batch.CountSamples], Is.EqualTo(expected).AsCollection);
            reader.Read(batch);
            Assert.That(batch.CountSamples, Is.Zero);
            reader.Rewind(epoch + 1);
        }
    }

    [TestCase("0\t1\t2", "RDU0103", "row 2")]
    [TestCase("label", "RDU0103", "row 2")]
    public void RowOfOtherLength_IsNamed(string row, string id, string where) => MustFail(Write("a.txt", $"{Row(0, Zeros(13), Zeros(26))}\n{row}"), id, where);

    [Test]
    public void RowOf38Fields_IsNamed() =>
        MustFail(Write("a.txt", string.Join('\t', Row(0, Zeros(13), Zeros(26)).Split('\t')[..38])), "RDU0103", "got: 38");

    [Test]
    public void CategoryThatIsNotHexadecimal_IsNamed() =>
        MustFail(Write("a.txt", Row(0, Zeros(13), [.. Zeros(25), "xyz"])), "RDU0104", "field 40");

    [TestCase("nan", "RDU0106")]
    [TestCase("NaN", "RDU0106")]
    [TestCase("Infinity", "RDU0106")]
    [TestCase("1.5", "RDU0104")]
    [TestCase("a", "RDU0104")]
    public void NumberThatIsNone_IsNamed(string text, string id) => MustFail(Write("a.txt", Row(0, [.. Zeros(12), text], Zeros(26))), id, "field 14");

    [Test]
    public void LabelThatIsNone_IsNamed() => MustFail(Write("a.txt", Row(2, Zeros(13), Zeros(26))), "RDU0104", "field 1");

    [Test]
    public void TruncatedGzip_IsNamed([Values(0.2, 0.5, 0.9, 0.999)] double kept)
    {
        string text = string.Join('\n', Enumerable.Range(0, 20_000).Select(i => Row(0, Zeros(13), [.. Enumerable.Repeat($"{i * 2654435761L % 4294967291:x}", 26)])));
        byte[] compressed = Gzip(Encoding.UTF8.GetBytes(text));
        string path = Path.Combine(_folder, "a.gz");
        File.WriteAllBytes(path, compressed[..(int)(compressed.Length * kept)]);

        MustFail(path, "RDU0102", "a.gz");
    }

    [Test]
    public void DamagedGzip_IsNamed()
    {
        string path = Path.Combine(_folder, "a.gz");
        File.WriteAllBytes(path, Encoding.UTF8.GetBytes(Row(0, Zeros(13), Zeros(26))));

        MustFail(path, "RDU0102", "a.gz");
    }

    [Test]
    public void MissingFile_IsNamed() =>
        Assert.That(
            Assert.Throws<RduException>(() => _ = new CriteoReader(Path.Combine(_folder, "none"), Kaggle, CriteoRows.All))!.Message,
            Does.StartWith("RDU0101").And.Contain("none"));

    [Test]
    public void RealSample_IsRead()
    {
        string source = RealData.Require("data", "criteo_sample", "criteo_sample.txt");
        IEnumerable<string> rows = File.ReadLines(source).Skip(1).Select(line =>
        {
            string[] fields = line.Split(',');
            for (int i = 1; i <= 13; i++)
            {
                fields[i] = fields[i].Length == 0 ? string.Empty : ((long)double.Parse(fields[i], CultureInfo.InvariantCulture)).ToString(CultureInfo.InvariantCulture);
            }

            return string.Join('\t', fields);
        });
        ClickBatch batch = ReadAll(Write("criteo.txt", string.Join('\n', rows)), 300);
        batch.Check("criteo", 0);

        Assert.That(batch.CountSamples, Is.EqualTo(200));
        Assert.That(batch.Dense[1], Is.EqualTo(MathF.Log(4)).Within(1e-6f));
        Assert.That(batch.Indices[0][0], Is.EqualTo((int)(0x05db9164L % Kaggle.TableRows[0])));
    }

    private static void MustFail(string path, string id, string where)
    {
        RduException error = Assert.Throws<RduException>(() => ReadAll(path, 64))!;
        Assert.That(error.Message, Does.StartWith(id).And.Contain(where));
        Assert.That((int)error.Id.Exit, Is.EqualTo(2));
    }

    private static ClickBatch ReadAll(string path, int capacity)
    {
        var batch = new ClickBatch(Kaggle, capacity);
        using var reader = new CriteoReader(path, Kaggle, CriteoRows.All);
        reader.Read(batch);
        int count = batch.CountSamples;
        for (var rest = new ClickBatch(Kaggle, capacity); count == capacity;)
        {
            reader.Read(rest);
            count = rest.CountSamples;
        }

        return batch;
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private static string[] Zeros(int count) => [.. Enumerable.Repeat("0", count)];

    private static string Row(int label, string[] integers, string[] categories) => string.Join('\t', [$"{label}", .. integers, .. categories]);

    private static byte[] Gzip(byte[] content)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return memory.ToArray();
    }
}
