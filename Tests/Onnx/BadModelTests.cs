using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Errors;

namespace RduEmu.Tests.Onnx;

/// <summary>Every kind of broken model is one error line that names the place.</summary>
internal sealed class BadModelTests
{
    private static readonly double[] Ascending = [1, 2];

    private string _folder = string.Empty;

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("rduemu").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void UnknownOperator_IsNamedWithDomainOpsetAndNode()
    {
        RduException error = Fails(OnnxModels.OfOne("Frobnicate", opset: 17));
        Assert.That(error.Id, Is.EqualTo(ErrorCatalogue.OperatorUnknown));
        Assert.That(error.Message, Does.Contain("'the Frobnicate'").And.Contain("ai.onnx").And.Contain("opset 17"));
    }

    [Test]
    public void OperatorOfAnotherDomain_WithoutAnOperatorSet()
    {
        OnnxModels models = OnnxModels.OfOne("Relu");
        models.Graph.Nodes[0].Domain = "com.example";
        Assert.That(Fails(models).Message, Does.Contain("domain com.example, opset none"));
    }

    [Test]
    public void AttributeThatNobodyReads()
    {
        OnnxModels models = OnnxModels.OfOne("Relu");
        models.Graph.Nodes[0].Attributes.Add(new AttributeProto { Name = "flavour", Int = 1, Kind = AttributeKind.Int });
        RduException error = Fails(models);
        Assert.That(error.Id, Is.EqualTo(ErrorCatalogue.OperatorNotSupported));
        Assert.That(error.Message, Does.Contain("flavour"));
    }

    [Test]
    public void Cycle()
    {
        OnnxModels models = new OnnxModels().Input("x", TensorKind.Float32, 2).Node("Relu", ["b"], "a").Node("Relu", ["a"], "b").Output("a");
        Assert.That(Fails(models).Message, Does.Contain("cycles"));
    }

    [Test]
    public void MissingInitializer()
    {
        OnnxModels models = new OnnxModels().Node("Relu", ["weights"], "y").Output("y");
        RduException error = Fails(models);
        Assert.That(error.Id, Is.EqualTo(ErrorCatalogue.ModelMalformed));
        Assert.That(error.Message, Does.Contain("'weights'"));
    }

    [Test]
    public void ShapesThatDoNotFit()
    {
        OnnxModels models = new OnnxModels().Input("x", TensorKind.Float32, 2, 3).Input("w", TensorKind.Float32, 4, 5).Node("MatMul", ["x", "w"], "y").Output("y");
        RduException error = Fails(models);
        Assert.That(error.Id, Is.EqualTo(ErrorCatalogue.GraphIllegal));
        Assert.That(error.Message, Does.Contain("'the MatMul'").And.Contain("[2, 3]").And.Contain("[4, 5]"));
    }

    [Test]
    public void TypeThatAnOperatorDoesNotTake()
    {
        OnnxModels models = new OnnxModels().Input("x", TensorKind.Bool, 2).Node("Relu", ["x"], "y").Output("y");
        RduException error = Fails(models);
        Assert.That(error.Id, Is.EqualTo(ErrorCatalogue.TypeNotSupported));
        Assert.That(error.Message, Does.Contain("got: bool"));
    }

    [Test]
    public void TypeThatTheModelDoesNotMean()
    {
        OnnxModels models = OnnxModels.OfOne("Relu");
        models.Graph.Outputs[0] = OnnxModels.Describe("y", TensorKind.Int32, 2, 3);
        Assert.That(Fails(models).Message, Does.Contain("output 'y'").And.Contain("i32"));
    }

    [Test]
    public void TypeThatDoesNotExist()
    {
        OnnxModels models = new OnnxModels().Input("x", (TensorKind)77, 2).Node("Relu", ["x"], "y").Output("y");
        Assert.That(Fails(models).Message, Does.Contain("type 77"));
    }

    [TestCase("../outside.bin")]
    [TestCase("/etc/passwd")]
    [TestCase("sub/../../outside.bin")]
    [TestCase("")]
    public void ExternalDataOutsideTheFolder_AreRefused(string location)
    {
        string models = Directory.CreateDirectory(Path.Combine(_folder, "models")).FullName;
        File.WriteAllBytes(Path.Combine(_folder, "outside.bin"), new byte[8]);
        string path = Path.Combine(models, "model.onnx");
        File.WriteAllBytes(path, WithExternal(location).ToBytes());
        RduException error = Assert.Throws<RduException>(() => OnnxFile.Open(path).Import(OnnxImportOptions.None))!;
        Assert.That(error.Id, Is.EqualTo(ErrorCatalogue.ExternalDataRefused));
    }

    [Test]
    public void ExternalDataBehindALink_AreRefused()
    {
        string models = Directory.CreateDirectory(Path.Combine(_folder, "models")).FullName;
        File.WriteAllBytes(Path.Combine(_folder, "outside.bin"), new byte[8]);
        File.CreateSymbolicLink(Path.Combine(models, "link.bin"), Path.Combine(_folder, "outside.bin"));
        string path = Path.Combine(models, "model.onnx");
        File.WriteAllBytes(path, WithExternal("link.bin").ToBytes());
        RduException error = Assert.Throws<RduException>(() => OnnxFile.Open(path).Import(OnnxImportOptions.None))!;
        Assert.That(error.Id, Is.EqualTo(ErrorCatalogue.ExternalDataRefused));
    }

    [Test]
    public void ExternalDataBesideTheModel_AreRead()
    {
        File.WriteAllBytes(Path.Combine(_folder, "data.bin"), [0, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]);
        string path = Path.Combine(_folder, "model.onnx");
        OnnxModels models = WithExternal("data.bin");
        models.Graph.Initializers[0].ExternalData.Add(new StringEntry { Key = "offset", Value = "4" });
        File.WriteAllBytes(path, models.ToBytes());
        OnnxModel model = OnnxFile.Open(path).Import(OnnxImportOptions.None);
        Assert.That(model.Outputs[0].Known!.ToDoubles(), Is.EqualTo(Ascending));
    }

    [TestCase(long.MaxValue)]
    [TestCase(1L << 40)]
    [TestCase(-1)]
    public void TensorWhoseSizeOverflows(long extent)
    {
        var proto = new TensorProto { Name = "w", Kind = TensorKind.Float32, RawData = new byte[8] };
        proto.Dims.AddRange([extent, 1L << 30, 1L << 30]);
        RduException error = Fails(new OnnxModels().Initializer(proto).Node("Relu", ["w"], "y").Output("y"));
        Assert.That(error.Id, Is.EqualTo(ErrorCatalogue.TensorMalformed));
    }

    /// <summary>Four bits each, the first in the lower half of a byte; of an odd number the last half is empty.</summary>
    [Test]
    public void PackedIntegers_AreRead()
    {
        var proto = new TensorProto { Name = "w", Kind = TensorKind.Int4, RawData = [0xF8, 0x07] };
        proto.Dims.Add(3);
        OnnxModel model = new OnnxModels(21).Initializer(proto).Node("Identity", ["w"], "y").Output("y").Import();
        Assert.That(model.Outputs[0].Known!.ToIntegers(), Is.EqualTo([-8L, -1L, 7L]));
        Assert.That(OnnxTensors.Packed(model.Outputs[0].Known!), Is.EqualTo(proto.RawData));
        proto.RawData = [0xF8];
        Assert.That(Fails(new OnnxModels(21).Initializer(proto).Node("Identity", ["w"], "y").Output("y")).Id, Is.EqualTo(ErrorCatalogue.TensorMalformed));
    }

    [Test]
    public void TensorWithTooFewBytes()
    {
        var proto = new TensorProto { Name = "w", Kind = TensorKind.Float32, RawData = new byte[8] };
        proto.Dims.Add(3);
        Assert.That(Fails(new OnnxModels().Initializer(proto).Node("Relu", ["w"], "y").Output("y")).Message, Does.Contain("12 bytes").And.Contain("8 bytes"));
    }

    [Test]
    public void FreeExtent_MustBeBound()
    {
        OnnxModels models = new OnnxModels().Input("x", TensorKind.Float32, "batch", 3).Node("Relu", ["x"], "y").Output("y");
        RduException error = Fails(models);
        Assert.That(error.Id, Is.EqualTo(ErrorCatalogue.ShapeNotBound));
        Assert.That(error.Message, Does.Contain("[batch, 3]"));
        var shapes = new Dictionary<string, int[]> { ["x"] = [5, 3] };
        Assert.That(models.Import(OnnxImportOptions.None with { Shapes = shapes }).Outputs[0].Type, Is.EqualTo(TensorType.Whole(5, 3)));
        shapes["x"] = [5, 4];
        Assert.That(Assert.Throws<RduException>(() => models.Import(OnnxImportOptions.None with { Shapes = shapes }))!.Id, Is.EqualTo(ErrorCatalogue.ShapeNotBound));
    }

    [Test]
    public void EmptyFile() => FileFails([], "an empty file");

    [Test]
    public void FileThatIsNoModel() => FileFails("This is no model but a text that somebody named so."u8.ToArray(), "test.onnx");

    [Test]
    public void TruncatedFile() => FileFails(OnnxModels.OfOne("Relu").ToBytes()[..^3], "test.onnx");

    private static OnnxModels WithExternal(string location)
    {
        var proto = new TensorProto { Name = "w", Kind = TensorKind.Float32, Location = DataLocation.External };
        proto.Dims.Add(2);
        proto.ExternalData.Add(new StringEntry { Key = "location", Value = location });
        return new OnnxModels().Initializer(proto).Node("Relu", ["w"], "y").Output("y");
    }

    private static RduException Fails(OnnxModels models)
    {
        RduException error = Assert.Throws<RduException>(() => models.Import())!;
        Assert.That(error.Message, Does.Not.Contain('\n'));
        return error;
    }

    /// <summary>As a user sees it: one line, exit code 2.</summary>
    private void FileFails(byte[] content, string named)
    {
        string path = Path.Combine(_folder, "test.onnx");
        File.WriteAllBytes(path, content);
        RduException error = Assert.Throws<RduException>(() => OnnxFile.Open(path).Import(OnnxImportOptions.None))!;
        Assert.That(error.Id, Is.EqualTo(ErrorCatalogue.ModelMalformed));
        Assert.That(error.Message, Does.Contain(named).And.Not.Contain('\n'));
    }
}
