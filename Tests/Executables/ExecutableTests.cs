using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using NUnit.Framework;
using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Fusion;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Compiler.Precision;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Templates.Round;
using RduEmu.Models.Bert;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Llm;
using RduEmu.Models.Precision;
using RduEmu.Models.Recomputation;
using RduEmu.Models.Unet;
using RduEmu.Tests.Placement;

namespace RduEmu.Tests.Executables;

public sealed class ExecutableTests
{
    private static readonly OperatorCatalogue Operators = new();

    private static readonly Executable Small = Make(seed: 1);

    private static readonly string[] Entries = ["manifest.json", "graph.pack", "program.pack", "machine.json", "weights.safetensors", "manifest.sha256"];

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

    [TestCase("rdux/3", "rdux/0", "format")]
    [TestCase("rdu-order/1", "rdu-order/0", "numerics contract")]
    public void FromBytes_AnotherVersion_RefusedWithBoth(string ours, string theirs, string what)
    {
        List<(string Name, ReadOnlyMemory<byte> Content)> entries = StoredArchive.Read(Small.ToBytes());
        byte[] manifest = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(entries[0].Content.Span).Replace(ours, theirs, StringComparison.Ordinal));
        RduException? error = Assert.Throws<RduException>(() => Executable.FromBytes(Sealed(entries, 0, manifest), "m.rdux", Operators));
        Assert.That(error!.Id, Is.EqualTo(ErrorCatalogue.ExecutableOutdated));
        Assert.That(error.Message, Does.Contain(what).And.Contain(ours).And.Contain(theirs));
    }

    /// <summary>Under a seal that fits: what a program that writes such files wrongly would leave. It is read as something else, or refused.</summary>
    [TestCase(1)]
    [TestCase(2)]
    public void Entries_NonsenseUnderItsOwnSeal_RefusedWhenAskedFor(int entry)
    {
        List<(string Name, ReadOnlyMemory<byte> Content)> entries = StoredArchive.Read(Small.ToBytes());
        byte[] whole = entries[entry].Content.ToArray();
        int refused = 0;
        for (int place = 0; place < whole.Length; place += 1 + whole.Length / 499)
        {
            byte[] content = [.. whole];
            content[place] ^= 0x81;
            Executable executable = Executable.FromBytes(Sealed(entries, entry, content), "m.rdux", Operators);
            try
            {
                Assert.That((executable.Graph.Nodes.Count, executable.Program.Sections.Count), Is.Not.EqualTo((0, 0)));
            }
            catch (RduException error)
            {
                Assert.That(error.Id, Is.AnyOf(ErrorCatalogue.ExecutableDamaged, ErrorCatalogue.GraphIllegal), error.Message);
                refused++;
            }
        }

        Assert.That(refused, Is.GreaterThan(20));
        Executable cut = Executable.FromBytes(Sealed(entries, entry, whole.AsMemory(0, whole.Length / 2)), "m.rdux", Operators);
        RduException? half = Assert.Throws<RduException>(() => Assert.That(cut.Graph.Nodes.Count + cut.Program.Sections.Count, Is.Not.Zero));
        Assert.That(half!.Id, Is.EqualTo(ErrorCatalogue.ExecutableDamaged));
    }

    /// <summary>Numbers of members stand in files: who changes one gives <see cref="Executable.Format"/> another number.</summary>
    [Test]
    public void Enumerations_HaveTheNumbersThatFilesHave()
    {
        Assert.That(Names<ElementType>(), Is.EqualTo("Float32 Float16 BFloat16 Float64 Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Bool Int4 UInt4 Int2 UInt2"));
        Assert.That(Names<ValueRole>(), Is.EqualTo("Input Parameter Constant Computed"));
        Assert.That(Names<CompileMode>(), Is.EqualTo("O0 O1 O3"));
        Assert.That(Names<FusionHeuristic>(), Is.EqualTo("None SafeGemm Mha Sdpa"));
        Assert.That(Names<Phase>(), Is.EqualTo("Forward Backward Optimizer"));
        Assert.That(Names<TemplateKind>(), Is.EqualTo("Systolic Simd Reduce Gather Layout Collective"));
        Assert.That(Names<OperandAccess>(), Is.EqualTo("Rows Sample Whole Indexed"));
        Assert.That(Names<DramDirection>(), Is.EqualTo("Load Store"));
        Assert.That(Names<DramTiming>(), Is.EqualTo("PerIteration BeforeFirst AfterLast"));
        Assert.That(Names<UnitKind>(), Is.EqualTo("Pcu Pmu Agcu"));
        Assert.That(Names<UnitRole>(), Is.EqualTo("Compute Weights Accumulator StreamBuffer DramBuffer Port"));
        Assert.That(Names<Network>(), Is.EqualTo("Vector Scalar Control"));
    }

    /// <summary>Pairs of bf16, recomputed nodes, optional attributes, rules, parts: graphs and programs of every kind come back as they were.</summary>
    [TestCase("bert, bf16, recomputed")]
    [TestCase("unet")]
    [TestCase("gpt2, o1")]
    public void FromBytes_OtherModels_Equal(string model)
    {
        Graph graph = model switch
        {
            "unet" => new UnetModel(UnetPresets.Sn10 with { Features = 2 }, (32, 32), (32, 32), seed: 1).BuildTrainingStep(2).Graph,
            "gpt2, o1" => Gpt2Graph.BuildTrainingStep(new Gpt2Configuration(64, 4, 2, 32, Vocabulary: 512), 2),
            _ => new MixedPrecisionModel(
                new RecomputingModel(new BertModel(new BertConfiguration("two", 2, 16, 2, 32), 8, seed: 3), [RecomputingModel.AllLayers]), new PrecisionPolicy(PrecisionPreset.Mp4, RoundingKind.Nearest, HasMasters: true, Seed: 3)).BuildTrainingStep(4).Graph,
        };
        CompileMode mode = model.EndsWith("o1", StringComparison.Ordinal) ? CompileMode.O1 : CompileMode.O3;
        var executable = new Executable([model], [], graph, PlacementCompiler.Compile(graph, Chips.Small, new PlacementOptions(mode)), default, default);
        Executable read = Executable.FromBytes(executable.ToBytes(), "m.rdux", new OperatorCatalogue([typeof(DlrmModel).Assembly]));
        Assert.That(read.Graph, Is.EqualTo(graph));
        Assert.That(read.Program, Is.EqualTo(executable.Program));
    }

    [Test]
    public void ToBytes_AZipThatOthersRead()
    {
        using var archive = new ZipArchive(new MemoryStream(Small.ToBytes()), ZipArchiveMode.Read);
        Assert.That(archive.Entries.Select(entry => entry.FullName), Is.EqualTo(Entries));
        using var reader = new StreamReader(archive.GetEntry("manifest.json")!.Open());
        Assert.That(reader.ReadToEnd(), Does.StartWith("{\"format\":\"rdux/3\",\"contract\":\"rdu-order/1\","));
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
            var pack = new PackWriter();
            OperatorPack.Write(pack, op);
            var reader = new PackReader(pack.ToBytes());
            Operator read = OperatorPack.Read(ref reader, Operators);
            reader.RequireEnd();
            Assert.That(read, Is.EqualTo(op));
        }
    }

    /// <summary>Lists of records, for whichever operator has them.</summary>
    [Test]
    public void Pack_AListOfRecords_ReadBackAsItWas()
    {
        var op = new Windowed([ConvolutionWindow.Strided(2), ConvolutionWindow.Same(3)], null);
        var pack = new PackWriter();
        OperatorPack.Write(pack, op);
        var reader = new PackReader(pack.ToBytes());
        Operator read = OperatorPack.Read(ref reader, new OperatorCatalogue(typeof(Windowed).Assembly));
        reader.RequireEnd();
        Assert.That(read, Is.EqualTo(op));
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

    /// <summary>The file with another content of one entry, and digests that fit.</summary>
    private static byte[] Sealed(List<(string Name, ReadOnlyMemory<byte> Content)> entries, int changed, ReadOnlyMemory<byte> content)
    {
        List<(string Name, ReadOnlyMemory<byte> Content)> all = [.. entries];
        all[changed] = (all[changed].Name, content);
        string manifest = Encoding.UTF8.GetString(all[0].Content.Span);
        if (changed > 0)
        {
            manifest = manifest.Replace(DigestOf(entries[changed].Content), DigestOf(content), StringComparison.Ordinal);
            all[0] = (all[0].Name, Encoding.UTF8.GetBytes(manifest));
        }

        all[^1] = (all[^1].Name, Encoding.ASCII.GetBytes(DigestOf(all[0].Content) + "\n"));
        return StoredArchive.Write(all);
    }

    private static string DigestOf(ReadOnlyMemory<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content.Span));

    private static string Names<T>()
        where T : struct, Enum => string.Join(' ', Enum.GetValues<T>().Order());

    private static Executable Make(int seed)
    {
        Graph graph = DlrmGraph.BuildTrainingStep(DlrmPresets.Tiny, 64).Graph;
        return new Executable(
            ["dlrm", "--preset", "tiny"], ["--target", "small"], graph, PlacementCompiler.Compile(graph, Chips.Small, new PlacementOptions(Seed: seed)),
            "machine"u8.ToArray(), "weights"u8.ToArray());
    }

    private sealed record Windowed(EquatableArray<ConvolutionWindow> Windows, int? Group) : Operator
    {
        public override TensorType Infer(OperatorInputs inputs) => inputs[0];
    }
}
