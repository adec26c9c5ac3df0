using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Onnx;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;

namespace RduEmu.Tests.Onnx;

/// <summary>Exported models in ONNX Runtime, an implementation that shares nothing with ours.</summary>
[TestFixture]
public sealed class OnnxExporterTests
{
    private const int Batch = 37;

    public static readonly DlrmConfiguration[] Configurations =
    [
        DlrmPresets.Tiny with { Name = "tiny-1", Hotness = 1 },
        DlrmPresets.Tiny,
        DlrmPresets.Kaggle.WithTableRowsCap(50),
        DlrmPresets.Kaggle.WithTableRowsCap(20) with { Name = "kaggle-cat", Interaction = Interaction.Cat, Hotness = 2 },
    ];

    [Test]
    public void AnExportedModel_PredictsInOnnxRuntimeAsOnTheHost([ValueSource(nameof(Configurations))] DlrmConfiguration configuration, [Values(1, Batch)] int batch)
    {
        var model = new Model(configuration, batch);

        float[] expected = model.OnHost();
        float[] actual = model.InOnnxRuntime();

        Assert.That(actual, Is.EqualTo(expected).AsCollection.Within(Tolerance(configuration)));
        if (batch > 1)
        {
            Assert.That(expected.Max() - expected.Min(), Is.GreaterThan(100 * Tolerance(configuration)), "predictions must differ by more than the tolerance");
        }
    }

    [Test]
    public void AnotherWeight_IsNoticed()
    {
        var model = new Model(Configurations[2], Batch);
        float[] expected = model.OnHost();
        model.Parameters[0][5] += 1f;

        float[] actual = model.InOnnxRuntime();

        Assert.That(actual.Zip(expected, (a, b) => Math.Abs(a - b)).Max(), Is.GreaterThan(Tolerance(Configurations[2])));
    }

    [Test]
    public void TheSameModel_IsTheSameBytes()
    {
        byte[] first = new Model(Configurations[1], 3).Export();
        byte[] second = new Model(Configurations[1], 3).Export();

        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public void TransposedProducts_AndElementwiseOperators_AreExported()
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(2, 6));
        ValueId y = builder.Input("y", TensorType.Samples(2, 6));
        ValueId bias = builder.Constant("bias", TensorType.Whole(6), 0.5f);
        ValueId sum = builder.Apply(new AddBias(), builder.Apply(new Add(), x, y), bias);

        // a[3, 2] and b[2, 3], both stored transposed.
        ValueId product = builder.Apply(new SampleMatMul(3, 3, 2, TransposeA: true, TransposeB: true), sum, y);
        Graph graph = builder.Build(product);
        float[] given = [.. Enumerable.Range(1, 12).Select(i => i * 0.25f)];
        var expected = new float[18];
        for (int b = 0; b < 2; b++)
        {
            for (int element = 0; element < 9; element++)
            {
                for (int k = 0; k < 2; k++)
                {
                    // Small multiples of 1/16: exact.
                    float left = 2 * given[b * 6 + k * 3 + element / 3] + 0.5f;
                    expected[b * 9 + element] += left * given[b * 6 + element % 3 * 2 + k];
                }
            }
        }

        using var stream = new MemoryStream();
        OnnxExporter.Write(graph, _ => [], stream);
        using var session = new InferenceSession(stream.ToArray());
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run(
        [
            NamedOnnxValue.CreateFromTensor("x", new DenseTensor<float>(given, [2, 6])),
            NamedOnnxValue.CreateFromTensor("y", new DenseTensor<float>(given, [2, 6])),
        ]);

        Assert.That(outputs[0].AsEnumerable<float>(), Is.EqualTo(expected).AsCollection);
    }

    [Test]
    public void WhatHasNoOnnxForm_IsOneClearError()
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(2, 6));
        Graph padded = builder.Build(builder.Apply(new ColumnMap([0, -1]), x));
        Graph training = DlrmGraph.BuildTrainingStep(DlrmPresets.Tiny, 2).Graph;
        foreach (Graph graph in new[] { padded, training })
        {
            using var stream = new MemoryStream();

            RduException error = Assert.Throws<RduException>(() => OnnxExporter.Write(graph, id => new float[graph[id].Type.CountElements], stream))!;

            Assert.That(error.Id, Is.EqualTo(ErrorCatalogue.NotExportable));
            Assert.That(stream.Length, Is.Zero);
        }
    }

    /// <summary>
    /// Each sum of n terms errs by at most n half units in the last place of its largest partial sum, here and there, and those
    /// are below 4; the sigmoid's slope is 1/4 and its own error is some units. Along the longest path the n add up.
    /// </summary>
    private static double Tolerance(DlrmConfiguration configuration)
    {
        int terms = configuration.BottomLayers.Sum() + configuration.InteractionWidth + configuration.TopLayers.Sum();
        return 2.0 * terms * 4.0 / 4.0 / (1 << 24);
    }

    private sealed class Model
    {
        private readonly DlrmConfiguration _configuration;
        private readonly DlrmGraph _model;
        private readonly float[] _dense;
        private readonly int[][] _indices;

        public Model(DlrmConfiguration configuration, int batch)
        {
            _configuration = configuration;
            _model = DlrmGraph.BuildInference(configuration, batch);
            Parameters = new float[_model.Parameters.Length][];
            for (int i = 0; i < Parameters.Length; i++)
            {
                TensorType type = _model.Graph[_model.Parameters[i]].Type;
                Parameters[i] = new float[type.CountElements];
                DlrmInitializer.Fill(type, i >= Parameters.Length - _model.Indices.Length, seed: 5, i, 0, Parameters[i]);
            }

            var random = new Random(batch);
            _dense = [.. Enumerable.Range(0, batch * configuration.BottomLayers[0]).Select(_ => random.NextSingle() * 2f - 1f)];

            // Absent indices too: the export must not take -1 for the last row.
            _indices = [.. configuration.TableRows.Select(rows => Enumerable.Range(0, batch * configuration.Hotness).Select(_ => random.Next(-1, rows)).ToArray())];
        }

        public float[][] Parameters { get; }

        public byte[] Export()
        {
            using var stream = new MemoryStream();
            OnnxExporter.Write(_model.Graph, id => Parameters[_model.Parameters.IndexOf(id)], stream);
            return stream.ToArray();
        }

        public float[] OnHost()
        {
            using var executor = new HostExecutor(GraphCompiler.Compile(_model.Graph, new CompileOptions(Workers: 2)), 2);
            for (int i = 0; i < Parameters.Length; i++)
            {
                executor.Write(_model.Parameters[i], Parameters[i]);
            }

            executor.Load();
            executor.Write(_model.Dense, _dense);
            for (int i = 0; i < _indices.Length; i++)
            {
                executor.Write(_model.Indices[i], _indices[i]);
            }

            executor.Run();
            var predictions = new float[_model.Graph[_model.Graph.Outputs[0]].Type.CountElements];
            executor.Read(_model.Graph.Outputs[0], predictions);
            return predictions;
        }

        public float[] InOnnxRuntime()
        {
            using var session = new InferenceSession(Export());
            int batch = _dense.Length / _configuration.BottomLayers[0];
            ReadOnlySpan<int> shape = _configuration.Hotness == 1 ? [batch] : [batch, _configuration.Hotness];
            var inputs = new List<NamedOnnxValue>
            {
                NamedOnnxValue.CreateFromTensor("dense", new DenseTensor<float>(_dense, [batch, _configuration.BottomLayers[0]])),
            };
            for (int i = 0; i < _indices.Length; i++)
            {
                inputs.Add(NamedOnnxValue.CreateFromTensor($"indices.{i}", new DenseTensor<int>(_indices[i], shape)));
            }

            using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run(inputs);
            return [.. outputs[0].AsEnumerable<float>()];
        }
    }
}
