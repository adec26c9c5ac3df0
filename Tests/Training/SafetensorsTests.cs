using System.Buffers.Binary;
using System.Text;
using NUnit.Framework;
using RduEmu.Compiler.Weights;
using RduEmu.Kernels.Errors;

namespace RduEmu.Tests.Training;

/// <summary>The safetensors layout, byte by byte as its description has it, and files that must be refused.</summary>
[TestFixture]
public sealed class SafetensorsTests
{
    private static readonly string[] FloatNames = ["w", "half", "b"];

    private static readonly int[] MatrixShape = [2, 3];

    private string _path = string.Empty;

    [SetUp]
    public void NameFile() => _path = Path.Combine(Directory.CreateTempSubdirectory("rduemu-test-").FullName, "model.safetensors");

    [TearDown]
    public void RemoveFile() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    /// <summary>The example of the format's description, with every type that is read.</summary>
    [Test]
    public void ReadsWhatOthersWrote()
    {
        Write(
            """{"__metadata__":{"format":"pt"},"half":{"dtype":"F16","shape":[2],"data_offsets":[8,12]},"count":{"dtype":"I64","shape":[],"data_offsets":[16,24]},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[12,16]}}""",
            [.. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes(-2f), 0x00, 0x3C, 0x00, 0xC0, 0x80, 0x3F, 0x40, 0xC0, .. new byte[8]]);
        using var file = new SafetensorsReader(_path);

        Assert.That(file.Metadata["format"], Is.EqualTo("pt"));
        Assert.That(file.Tensors.Keys, Is.EquivalentTo(FloatNames));
        Assert.That(Elements(file, "w"), Is.EqualTo(new[] { 1.5f, -2f }).AsCollection);
        Assert.That(Elements(file, "half"), Is.EqualTo(new[] { 1f, -2f }).AsCollection);
        Assert.That(Elements(file, "b"), Is.EqualTo(new[] { 1f, -3f }).AsCollection);
    }

    [Test]
    public void WritesTheLayout_AndReadsItBack()
    {
        float[] first = [1f, -0f, float.NaN, float.Epsilon, 5f, 6f];
        using (FileStream stream = File.Create(_path))
        {
            var writer = new SafetensorsWriter(stream, [("a.weight", MatrixShape), ("b", [])], new Dictionary<string, string> { ["note"] = "x" });
            writer.Append(first.AsSpan(0, 4));
            writer.Append(first.AsSpan(4));
            writer.Append([7f]);
            writer.Complete();
        }

        byte[] bytes = File.ReadAllBytes(_path);
        long header = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var file = new SafetensorsReader(_path);

        Assert.That((8 + header) % 8, Is.Zero);
        Assert.That(
            Encoding.UTF8.GetString(bytes, 8, (int)header).TrimEnd(),
            Is.EqualTo("""{"__metadata__":{"note":"x"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"F32","shape":[],"data_offsets":[24,28]}}"""));
        Assert.That(Elements(file, "a.weight").Select(BitConverter.SingleToInt32Bits), Is.EqualTo(first.Select(BitConverter.SingleToInt32Bits)).AsCollection);
        Assert.That(Elements(file, "b"), Has.Length.EqualTo(1).And.Contains(7f));
    }

    [Test]
    public void WriterWithTooFewElements_IsAFault()
    {
        var writer = new SafetensorsWriter(new MemoryStream(), [("a", MatrixShape)], new Dictionary<string, string>());
        writer.Append([1f]);

        Assert.Throws<InvalidOperationException>(writer.Complete);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Append(new float[6]));
    }

    [TestCase("{", 0)]
    [TestCase("[]", 0)]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7)]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9)]
    [TestCase("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8)]
    [TestCase("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,-8]}}""", 0)]
    [TestCase("""{"a":{"dtype":"F32","shape":[2]}}""", 8)]
    [TestCase("""{"a":{"dtype":"F32","shape":[2000000000,2000000000,2000000000],"data_offsets":[0,8]}}""", 8)]
    public void DamagedFile_IsRefused(string header, int dataBytes)
    {
        Write(header, new byte[dataBytes]);

        Assert.That(Assert.Throws<RduException>(() => new SafetensorsReader(_path))!.Id, Is.SameAs(ErrorCatalogue.WeightsDamaged));
    }

    [TestCase(0)]
    [TestCase(7)]
    [TestCase(20)]
    public void TruncatedFile_IsRefused(int bytes)
    {
        Write("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", new byte[8]);
        File.WriteAllBytes(_path, File.ReadAllBytes(_path)[..bytes]);

        Assert.That(Assert.Throws<RduException>(() => new SafetensorsReader(_path))!.Id, Is.SameAs(ErrorCatalogue.WeightsDamaged));
    }

    private static float[] Elements(SafetensorsReader file, string name)
    {
        var elements = new float[file.Tensors[name].CountElements];
        file.Read(file.Tensors[name], 0, elements);
        return elements;
    }

    private void Write(string header, byte[] data)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        File.WriteAllBytes(_path, [.. length, .. Encoding.UTF8.GetBytes(header), .. data]);
    }
}
