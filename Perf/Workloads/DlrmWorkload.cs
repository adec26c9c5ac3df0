using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Onnx;
using RduEmu.Emulator.Execution;
using RduEmu.Models.Dlrm;

namespace RduEmu.Perf.Workloads;

/// <summary>A DLRM with drawn weights and one drawn batch; the same for the same configuration and batch.</summary>
public sealed class DlrmWorkload
{
    /// <summary>Tables of at most this many rows: 64 MB in all for Kaggle, more than a last cache holds.</summary>
    public const int TableRowsCap = 100_000;

    /// <summary>
    /// How far predictions of two implementations may differ: some 2000 sums follow each other along the longest path, each erring by half
    /// a unit in the last place of at most 4, on both sides; the sigmoid divides by 4.
    /// </summary>
    public const double PredictionTolerance = 2.0 * 2000 / (1 << 24);

    private readonly float[][] _parameters;
    private readonly float[] _dense;
    private readonly float[] _target;
    private readonly int[][] _indices;

    private DlrmWorkload(DlrmConfiguration configuration, DlrmGraph model, int batch, DlrmWorkload? weightsOf)
    {
        Configuration = configuration;
        Model = model;
        Batch = batch;
        _parameters = weightsOf?._parameters ?? Draw(model);
        var random = new Random(batch);
        _dense = [.. Enumerable.Range(0, batch * configuration.BottomLayers[0]).Select(_ => random.NextSingle() * 2f - 1f)];
        _target = [.. Enumerable.Range(0, batch).Select(_ => (float)random.Next(2))];
        _indices = [.. configuration.TableRows.Select(rows => Enumerable.Range(0, batch * configuration.Hotness).Select(_ => random.Next(rows)).ToArray())];
    }

    public static DlrmConfiguration Kaggle { get; } = DlrmPresets.Kaggle.WithTableRowsCap(TableRowsCap);

    public DlrmConfiguration Configuration { get; }

    public DlrmGraph Model { get; }

    public int Batch { get; }

    public ReadOnlySpan<float> Dense => _dense;

    public IReadOnlyList<int[]> Indices => _indices;

    /// <param name="weightsOf">Whose weights to take, or null to draw.</param>
    public static DlrmWorkload Inference(DlrmConfiguration configuration, int batch, DlrmWorkload? weightsOf = null) =>
        new(configuration, DlrmGraph.BuildInference(configuration, batch), batch, weightsOf);

    /// <inheritdoc cref="Inference"/>
    public static DlrmWorkload Training(DlrmConfiguration configuration, int batch, DlrmWorkload? weightsOf = null) =>
        new(configuration, DlrmGraph.BuildTrainingStep(configuration, batch), batch, weightsOf);

    /// <summary>An executor with weights and batch in place, ready to run.</summary>
    public HostExecutor OnHost(int threads, CompileOptions? options = null)
    {
        CompiledProgram program = GraphCompiler.Compile(Model.Graph, options ?? new CompileOptions(Workers: threads));
        var executor = new HostExecutor(program, threads);
        WriteTo(executor);
        executor.Load();
        return executor;
    }

    public void WriteTo(Executor executor)
    {
        for (int i = 0; i < _parameters.Length; i++)
        {
            executor.Write(Model.Parameters[i], _parameters[i]);
        }

        executor.Write(Model.Dense, _dense);
        for (int i = 0; i < _indices.Length; i++)
        {
            executor.Write(Model.Indices[i], _indices[i]);
        }

        if (Model.Target is { } target)
        {
            executor.Write(target, _target);
            executor.Write(Model.Rate!.Value, [Configuration.LearningRate]);
        }
    }

    public byte[] ToOnnx()
    {
        using var stream = new MemoryStream();
        OnnxExporter.Write(Model.Graph, id => _parameters[Model.Parameters.IndexOf(id)], stream);
        return stream.ToArray();
    }

    private static float[][] Draw(DlrmGraph model)
    {
        var parameters = new float[model.Parameters.Length][];
        for (int i = 0; i < parameters.Length; i++)
        {
            TensorType type = model.Graph[model.Parameters[i]].Type;
            parameters[i] = new float[type.CountElements];
            DlrmInitializer.Fill(type, i >= parameters.Length - model.Indices.Length, seed: 1, i, 0, parameters[i]);
        }

        return parameters;
    }
}
