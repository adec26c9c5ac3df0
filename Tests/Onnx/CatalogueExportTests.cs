using Microsoft.ML.OnnxRuntime;
using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Onnx;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Emulator.Conformance;
using RduEmu.Kernels.Errors;

namespace RduEmu.Tests.Onnx;

/// <summary>
/// The cases of the ONNX suite, imported and exported again: what comes back has the same bits, and ONNX Runtime computes the same from
/// it. So every operator of the catalogue is exported, as the operators that it was decomposed into.
/// </summary>
internal sealed class CatalogueExportTests
{
    /// <summary>Operators of which nothing is left to export: they are worked out when a model is compiled.</summary>
    private static readonly HashSet<string> AlwaysKnown =
    [
        "BlackmanWindow", "Constant", "ConstantOfShape", "EyeLike", "HammingWindow", "HannWindow", "MelWeightMatrix", "NonMaxSuppression", "NonZero", "Range", "Shape", "Size",
    ];

    private const int CasesOfOperator = 2;

    [Test]
    public void EveryOperator_ComesBack() => Check(CasesOfOperator);

    [Test, Category("Slow"), Explicit("all cases: some minutes")]
    public void EveryCase_ComesBack() => Check(int.MaxValue);

    private static void Check(int casesOfOperator)
    {
        var exported = new SortedDictionary<string, int>();
        var tried = new Dictionary<string, int>();
        var wrong = new List<string>();
        var refused = new SortedSet<string>();
        int inRuntime = 0;
        foreach (string folder in ConformanceCase.Find(RealData.Require("onnx", "node")).Where(folder => !folder.Contains("_expanded", StringComparison.Ordinal)))
        {
            ModelProto proto = OnnxReader.ReadModel(Path.Combine(folder, "model.onnx"));
            string op = proto.Graph.Nodes.Count == 0 ? string.Empty : proto.Graph.Nodes[^1].OpType;
            if (tried.GetValueOrDefault(op) >= casesOfOperator || !OnnxCatalogue.All.Any(translation => translation.OpType == op)
                || Import(folder) is not { } imported || imported.Model.Graph.Outputs.Count == 0)
            {
                continue;
            }

            tried[op] = tried.GetValueOrDefault(op) + 1;
            string name = Path.GetFileName(folder);
            try
            {
                inRuntime += RoundTripped(name, imported.Model, imported.Given, wrong) ? 1 : 0;
                exported[op] = exported.GetValueOrDefault(op) + 1;
            }
            catch (RduException error) when (error.Id == ErrorCatalogue.NotExportable)
            {
                refused.Add($"{name}: {error.Message}");
            }
            catch (Exception error) when (error is RduException or OnnxRuntimeException or ArgumentException)
            {
                wrong.Add($"{name}: {error.GetType().Name} {error.Message}");
            }
        }

        TestContext.Out.WriteLine($"{exported.Values.Sum()} cases of {exported.Count} operators exported, {inRuntime} of them run by ONNX Runtime; refused:");
        TestContext.Out.WriteLine(string.Join('\n', refused));
        Assert.That(wrong, Is.Empty);
        IEnumerable<string> missing = tried.Keys.Where(op => !exported.ContainsKey(op)).Order();
        Assert.That(missing, Is.Empty);
        Assert.That(exported.Keys.Where(AlwaysKnown.Contains), Is.Empty, "nothing is left of these");
        Assert.That(exported, Has.Count.GreaterThan(100));
        Assert.That(inRuntime, Is.GreaterThan(100));
    }

    private static (OnnxModel Model, Dictionary<string, HostTensor> Given)? Import(string folder)
    {
        try
        {
            OnnxFile file = OnnxFile.Open(Path.Combine(folder, "model.onnx"));
            file.RequireTensors();
            var given = new Dictionary<string, HostTensor>();
            for (int i = 0; i < file.Inputs.Count; i++)
            {
                string tensor = Path.Combine(folder, "test_data_set_0", $"input_{i}.pb");
                if (File.Exists(tensor))
                {
                    given.Add(file.Inputs[i].Name, OnnxFile.ReadTensor(tensor));
                }
            }

            return (file.ImportFor(given, recognizes: false), given);
        }
        catch (RduException)
        {
            // Outside of the scope: the conformance tests say which and why.
            return null;
        }
    }

    /// <returns>True if ONNX Runtime ran it.</returns>
    private static bool RoundTripped(string name, OnnxModel model, Dictionary<string, HostTensor> given, List<string> wrong)
    {
        Graph graph = OnnxNames.Of(model);
        var all = new Dictionary<ValueId, HostTensor>(model.Parameters);
        var inputs = new Dictionary<string, HostTensor>();
        foreach (OnnxPort input in model.Inputs.Where(input => input.Value is not null))
        {
            all.Add(input.Value!.Value, given[input.Name]);
            inputs.Add(input.Name, given[input.Name]);
        }

        HostTensor[] expected = GraphInterpreter.Run(graph, all);
        byte[] exported = RoundTrip.Export(graph, model.Parameters);
        HostTensor[] again = RoundTrip.Reimported(exported, inputs);

        // ONNX Runtime stores integers of two and four bits but reshapes and casts none.
        bool isKnown = !graph.Values.Any(value => value.Type.Element is ElementType.Int4 or ElementType.UInt4 or ElementType.Int2 or ElementType.UInt2);
        HostTensor[]? other = isKnown ? RoundTrip.InOnnxRuntime(exported, inputs) : null;
        for (int i = 0; i < expected.Length; i++)
        {
            if (again[i].Type != expected[i].Type || !SameBits(again[i], expected[i]))
            {
                wrong.Add($"{name}: output {i} comes back with other bits: {Tolerance.FirstDifference(again[i], expected[i])}");
            }

            if (other is not null && Tolerance.FirstDifference(expected[i], other[i]) is { } difference)
            {
                wrong.Add($"{name}: output {i} in ONNX Runtime: {difference}");
            }
        }

        return other is not null;
    }

    /// <summary>Any NaN equals any other.</summary>
    private static bool SameBits(HostTensor a, HostTensor b) => a.Bytes.SequenceEqual(b.Bytes)
        || a.Element.IsFloat() && a.ToDoubles().Zip(b.ToDoubles(), (x, y) => BitConverter.DoubleToInt64Bits(x) == BitConverter.DoubleToInt64Bits(y) || double.IsNaN(x) && double.IsNaN(y)).All(same => same);
}
