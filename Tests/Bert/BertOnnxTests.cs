using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Models.Bert;
using RduEmu.Tests.Emulator;

namespace RduEmu.Tests.Bert;

/// <summary>Exported models in ONNX Runtime, which shares nothing with ours.</summary>
[TestFixture]
public sealed class BertOnnxTests
{
    private const int Batch = 2;
    private const int Tokens = 32;

    /// <summary>
    /// Of the largest output: a layer is five products with some ten roundings each beside norms and softmax, every one of 2^-24,
    /// and there are two implementations.
    /// </summary>
    private static double Tolerance(BertConfiguration configuration) => 2 * 50 * configuration.Layers * 5.96e-8;

    [Test]
    public void TheForwardPass_IsOnnxRuntimes([Values("tiny", "mini", "small")] string preset, [Values(BertHead.None, BertHead.Pretraining)] BertHead head)
    {
        // The presets' own layers; a smaller vocabulary, of which each token has but one row.
        BertConfiguration configuration = BertConfiguration.Find(preset) with { Vocabulary = 500 };

        Compare(configuration, head, Given(configuration, head));
    }

    /// <summary>With all word pieces, and the larger models.</summary>
    [Test, Category("Slow"), Explicit("minutes, and gigabytes: models of up to 335 million parameters")]
    public void TheWholePreset_IsOnnxRuntimes([Values("tiny", "mini", "small", "base", "large")] string preset)
    {
        BertConfiguration configuration = BertConfiguration.Find(preset);

        Compare(configuration, BertHead.None, Given(configuration, BertHead.None));
    }

    [Test]
    public void TheOtherHeads_AreOnnxRuntimes([Values(BertHead.Classification, BertHead.Span)] BertHead head)
    {
        BertConfiguration configuration = BertConfiguration.Tiny with { Vocabulary = 500 };

        Compare(configuration, head, Given(configuration, head));
    }

    [Test]
    public void AnotherWeight_IsNoticed()
    {
        BertConfiguration configuration = BertConfiguration.Tiny with { Vocabulary = 500 };
        Graph graph = BertGraph.BuildInference(configuration, BertHead.None, Batch, Tokens).Graph;
        Dictionary<string, float[]> given = Given(configuration, BertHead.None);
        Dictionary<string, float[]> host = GraphRun.OnHostOnly(graph, given, 1);
        given["bert.encoder.layer.0.attention.self.value.weight"][7] += 1f;

        float[] other = InOnnxRuntime(graph, given)[0];

        Assert.That(other.Zip(host["output 0"], (a, b) => Math.Abs(a - b)).Max(), Is.GreaterThan(Tolerance(configuration) * other.Max(Math.Abs)));
    }

    private static void Compare(BertConfiguration configuration, BertHead head, Dictionary<string, float[]> given)
    {
        Graph graph = BertGraph.BuildInference(configuration, head, Batch, Tokens).Graph;
        Dictionary<string, float[]> host = GraphRun.OnHostOnly(graph, given, 1);
        float[][] runtime = InOnnxRuntime(graph, given);
        for (int i = 0; i < graph.Outputs.Count; i++)
        {
            double largest = host[$"output {i}"].Max(Math.Abs);
            double worst = runtime[i].Zip(host[$"output {i}"], (a, b) => Math.Abs(a - b)).Max();
            TestContext.Out.WriteLine($"{configuration.Name} {head} output {i}: {worst:G3} of {largest:G3}");
            Assert.That(worst, Is.LessThan(Tolerance(configuration) * largest), $"output {i}");
        }
    }

    private static Dictionary<string, float[]> Given(BertConfiguration configuration, BertHead head)
    {
        Graph graph = BertGraph.BuildInference(configuration, head, Batch, Tokens).Graph;
        var random = new Random(3);
        var given = new Dictionary<string, float[]>();
        var parameters = BertParameters.List(configuration, head);
        foreach (Value value in graph.Values.Where(value => value.Role == ValueRole.Input))
        {
            int count = (int)value.Type.CountElements;
            float[] Draw(Func<int, float> element) => [.. Enumerable.Range(0, count).Select(element)];
            given.Add(value.Name, value.Name switch
            {
                BertGraph.TokenIds => Draw(_ => random.Next(configuration.Vocabulary)),
                BertGraph.PositionIds => Draw(i => i % Tokens),
                BertGraph.TypeIds => Draw(i => i % Tokens < 11 ? 0 : 1),
                BertGraph.AttentionMask => Draw(i => i % Tokens > 25 ? BertGraph.Masked : 0f),
                _ => Draw(_ => random.Next(Tokens)),
            });
        }

        for (int i = 0; i < parameters.Length; i++)
        {
            // Wide weights and biases that are not zero: nothing of the model may be without effect.
            var elements = new float[parameters[i].Type.CountElements];
            BertInitializer.Fill(parameters[i], i, 0.08f, 1, 0, elements);
            given.Add(parameters[i].Name, parameters[i].Kind == BertParameterKind.Weight ? elements : Array.ConvertAll(elements, x => x + 0.2f * (random.NextSingle() - 0.5f)));
        }

        return given;
    }

    private static float[][] InOnnxRuntime(Graph graph, Dictionary<string, float[]> given)
    {
        using var stream = new MemoryStream();
        OnnxExporter.Write(graph, id => given[graph[id].Name], stream);
        using var session = new InferenceSession(stream.ToArray());
        NamedOnnxValue[] inputs =
        [
            .. graph.Values.Where(value => value.Role == ValueRole.Input).Select(value => value.Type.Element == ElementType.Int32
                ? NamedOnnxValue.CreateFromTensor(value.Name, new DenseTensor<int>(Array.ConvertAll(given[value.Name], x => (int)x), [.. value.Type.Shape]))
                : NamedOnnxValue.CreateFromTensor(value.Name, new DenseTensor<float>(given[value.Name], [.. value.Type.Shape]))),
        ];
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run(inputs);
        return [.. outputs.Select(output => output.AsEnumerable<float>().ToArray())];
    }
}
