using System.IO.Compression;
using System.Text;
using NUnit.Framework;
using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Placement;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;
using RduEmu.Tests.Placement;

namespace RduEmu.Tests.Executables;

public sealed class ExecutableTests
{
    private static readonly OperatorCatalogue Operators = new();

    private static readonly Executable Small = Make(seed: 1);

    private static readonly string[] Entries = ["manifest.json", "graph.json", "program.json", "machine.json", "weights.safetensors", "manifest.sha256"];

    [Test]
    public void ToBytes_SameInput_SameBytes() => Assert.That(Make(seed: 1).ToBytes(), Is.EqualTo(Small.ToBytes()));

    [Test]
    public void ToBytes_AnotherSeed_OtherBytes() => Assert.That(Make(seed: 2).ToBytes(), Is.Not.EqualTo(Small.ToBytes()));

    [Test]
    public void FromBytes_WhatWasWritten_Equal()
    {
        Executable read = Executable.FromBytes(Small.ToBytes(), "m.rdux", Operators);
        Assert.That(read.Graph, Is.EqualTo(Small.Graph));
        Assert.That(read.Program, Is.EqualTo(Small.Program));
        Assert.That(read.Arguments, Is.EqualTo(Small.Arguments));
        Assert.That(read.Weights.ToArray(), Is.EqualTo(Small.Weights.ToArray()));
        Assert.That(read.ToBytes(), Is.EqualTo(Small.ToBytes()));
    }

    [Test]
    public void FromBytes_AnyByteChanged_Refused()
    {
        byte[] file = Small.ToBytes();

        // All of the first header and of the directory, some of every part between.
        IEnumerable<int> places = Enumerable.Range(0, 200).Concat(Enumerable.Range(0, file.Length / 997).Select(i => i * 997)).Concat(Enumerable.Range(file.Length - 500, 500));
        foreach (int place in places)
        {
            file[place] ^= 0x20;
            RduException? error = Assert.Throws<RduException>(() => Executable.FromBytes(file, "m.rdux", Operators), $"byte {place} of {file.Length}");
            Assert.That(error!.Id, Is.EqualTo(ErrorCatalogue.ExecutableDamaged), $"byte {place} of {file.Length}: {error.Message}");
            file[place] ^= 0x20;
        }
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(100)]
    public void FromBytes_CutShort_Refused(int length)
    {
        RduException? error = Assert.Throws<RduException>(() => Executable.FromBytes(Small.ToBytes().AsMemory(0, length), "m.rdux", Operators));
        Assert.That(error!.Id, Is.EqualTo(ErrorCatalogue.ExecutableDamaged));
    }

    [Test]
    public void FromBytes_BytesBehindTheEnd_Refused() => Assert.That(
        () => Executable.FromBytes(new byte[] { 0 }.Prepend((byte)0).Concat(Small.ToBytes()).ToArray(), "m.rdux", Operators), Throws.TypeOf<RduException>());

    [TestCase("rdux/2", "rdux/0", "format")]
    [TestCase("rdu-order/1", "rdu-order/0", "numerics contract")]
    public void FromBytes_AnotherVersion_RefusedWithBoth(string ours, string theirs, string what)
    {
        List<(string Name, ReadOnlyMemory<byte> Content)> entries = StoredArchive.Read(Small.ToBytes());
        byte[] manifest = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(entries[0].Content.Span).Replace(ours, theirs, StringComparison.Ordinal));
        entries[0] = (entries[0].Name, manifest);
        entries[^1] = (entries[^1].Name, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(manifest)) + "\n"));
        RduException? error = Assert.Throws<RduException>(() => Executable.FromBytes(StoredArchive.Write(entries), "m.rdux", Operators));
        Assert.That(error!.Id, Is.EqualTo(ErrorCatalogue.ExecutableOutdated));
        Assert.That(error.Message, Does.Contain(what).And.Contain(ours).And.Contain(theirs));
    }

    [Test]
    public void ToBytes_AZipThatOthersRead()
    {
        using var archive = new ZipArchive(new MemoryStream(Small.ToBytes()), ZipArchiveMode.Read);
        Assert.That(archive.Entries.Select(entry => entry.FullName), Is.EqualTo(Entries));
        using var reader = new StreamReader(archive.GetEntry("graph.json")!.Open());
        Assert.That(reader.ReadToEnd(), Does.StartWith("{\"values\":["));
    }

    [Test]
    public void Catalogue_AttributesOfEveryKind_ReadBackAsTheyWere()
    {
        Operator[] operators = [new Linear(), new SampleMatMul(2, 3, 4, true, false), new ColumnMap([3, -1, 0]), new SampleLoss(LossKind.SquaredError), new EmbeddingBagGradient(7),
            new MaxPoolGradient(new MaxPool(ConvolutionWindow.Strided(2), 2, 2)), new ImageConvolution(ConvolutionWindow.Same(3)), new ResampleGradient(new Resample(ResampleKind.Bilinear, 2), 8, 8)];
        foreach (Operator op in operators)
        {
            using var json = System.Text.Json.JsonDocument.Parse(OperatorCatalogue.Attributes(op).ToJsonString());
            Assert.That(Operators.Create(op.Name, json.RootElement), Is.EqualTo(op));
        }
    }

    [Test]
    public void Catalogue_EveryOperator_HasAConstructorOfItsProperties()
    {
        foreach (Type type in typeof(Operator).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Operator)) && !type.IsAbstract))
        {
            foreach (System.Reflection.ParameterInfo parameter in type.GetConstructors().OrderByDescending(constructor => constructor.GetParameters().Length).First().GetParameters())
            {
                Assert.That(type.GetProperty(parameter.Name!), Is.Not.Null, $"{type.Name}.{parameter.Name}");
            }
        }
    }

    private static Executable Make(int seed)
    {
        Graph graph = DlrmGraph.BuildTrainingStep(DlrmPresets.Tiny, 64).Graph;
        return new Executable(
            ["dlrm", "--preset", "tiny"], ["--target", "small"], graph, PlacementCompiler.Compile(graph, Chips.Small, new PlacementOptions(Seed: seed)),
            "machine"u8.ToArray(), "weights"u8.ToArray());
    }
}
