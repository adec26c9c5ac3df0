using NUnit.Framework;
using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Emulator.Conformance;
using RduEmu.Kernels.Errors;

namespace RduEmu.Tests.Onnx;

/// <summary>Where the catalogue promises a gradient, the graph of every case of the operator can be differentiated.</summary>
internal sealed class ImportedGradientTests
{
    [Test]
    public void PromisedGradients_AreThere()
    {
        var broken = new SortedDictionary<string, string>();
        int differentiated = 0;
        foreach (string folder in ConformanceCase.Find(RealData.Require("onnx", "node")).Where(folder => !folder.Contains("_expanded", StringComparison.Ordinal)))
        {
            string path = Path.Combine(folder, "model.onnx");
            ModelProto proto = OnnxReader.ReadModel(path);
            OnnxTranslation[] translations = [.. OnnxCatalogue.All.Where(translation => proto.Graph.Nodes.Exists(node => node.OpType == translation.OpType))];
            if (proto.Graph.Nodes.Count != 1 || translations.Length == 0 || !translations.All(translation => translation.HasGradient) || Import(path, folder) is not { } graph)
            {
                continue;
            }

            try
            {
                differentiated += Differentiate(graph) ? 1 : 0;
            }
            catch (RduException error)
            {
                broken.TryAdd(translations[0].OpType, $"{Path.GetFileName(folder)}: {error.Message}");
            }
        }

        Assert.That(broken.Select(pair => $"{pair.Key}: {pair.Value}"), Is.Empty);
        Assert.That(differentiated, Is.GreaterThan(200));
    }

    private static Graph? Import(string path, string folder)
    {
        try
        {
            OnnxFile file = OnnxFile.Open(path);
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

            return file.ImportFor(given).Graph;
        }
        catch (RduException)
        {
            // Outside of the scope: the conformance tests say which and why.
            return null;
        }
    }

    /// <summary>The first float output by all float inputs.</summary>
    private static bool Differentiate(Graph graph)
    {
        var builder = new GraphBuilder();
        var map = new Dictionary<ValueId, ValueId>();
        foreach (Value value in graph.Values.Where(value => value.Role != ValueRole.Computed))
        {
            map.Add(value.Id, value.Constant is { } constant ? builder.Constant(value.Name, value.Type, constant)
                : value.Role == ValueRole.Input ? builder.Input(value.Name, value.Type) : builder.Parameter(value.Name, value.Type));
        }

        foreach (Node node in graph.Nodes)
        {
            map.Add(node.Output, builder.Apply(node.Operator, [.. node.Inputs.Select(input => map[input])]));
        }

        ValueId[] inputs = [.. graph.Values.Where(value => value.Role == ValueRole.Input && value.Type.Element == ElementType.Float32).Select(value => map[value.Id])];
        ValueId[] outputs = [.. graph.Outputs.Where(output => graph[output] is { Role: ValueRole.Computed, Type.Element: ElementType.Float32 }).Select(output => map[output])];
        if (inputs.Length == 0 || outputs.Length == 0)
        {
            return false;
        }

        ValueId seed = builder.Input("seed", builder[outputs[0]]);
        ValueId?[] gradients = GradientScope.Differentiate(builder, outputs[0], seed, inputs);
        for (int i = 0; i < inputs.Length; i++)
        {
            if (gradients[i] is { } gradient)
            {
                Assert.That(builder[gradient], Is.EqualTo(builder[inputs[i]]), "a gradient has its input's type");
            }
        }

        return true;
    }
}
