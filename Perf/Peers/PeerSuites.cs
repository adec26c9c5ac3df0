using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Models.Bert;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;
using RduEmu.Perf.Workloads;

namespace RduEmu.Perf.Peers;

/// <summary>One thing that is timed, here and, where there is a peer, there; made when its turn comes, for some are large.</summary>
/// <param name="Name">Suite, then what: <c>gemm 1024x768x3072</c>.</param>
/// <param name="Create">Both sides, ready to run.</param>
internal sealed record PeerWork(string Name, Func<int, PeerPair> Create);

/// <summary>Both sides of a case.</summary>
/// <param name="Ours">Ours.</param>
/// <param name="Peer">The peer; null where it has no such thing.</param>
/// <param name="Check">Throws if both do not compute the same, after each ran once.</param>
internal sealed record PeerPair(HostExecutor Ours, OnnxRuntimePeer? Peer, Action Check) : IDisposable
{
    public void Dispose()
    {
        Ours.Dispose();
        Peer?.Dispose();
    }
}

/// <summary>What is compared: products, convolutions and whole models.</summary>
internal static class PeerSuites
{
    /// <summary>Two sides that multiply and add in fp32, in other orders, differ by some thousandths of the largest result at most, in a network of a hundred layers.</summary>
    private const double SameModel = 1e-3;

    public static IReadOnlyDictionary<string, Func<IEnumerable<PeerWork>>> All { get; } = new Dictionary<string, Func<IEnumerable<PeerWork>>>
    {
        ["gemm"] = Gemm,
        ["conv"] = Conv,
        ["dlrm"] = Dlrm,
        ["bert"] = Bert,
        ["unet"] = Unet,
    };

    /// <summary>Rows, columns, depth: of BERT-base (1 and 8 times 128 tokens, 384 tokens), DLRM Kaggle, squares, thin ones, one row.</summary>
    private static IEnumerable<PeerWork> Gemm() => new (int Rows, int Columns, int Depth)[]
    {
        (128, 768, 768), (128, 3072, 768), (128, 768, 3072), (1024, 768, 768), (1024, 3072, 768), (1024, 768, 3072), (384, 768, 768),
        (2048, 512, 367), (2048, 256, 512), (2048, 64, 256), (2048, 512, 13), (128, 512, 367), (128, 256, 512),
        (256, 256, 256), (1024, 1024, 1024), (4096, 64, 64), (16, 1024, 4096),
        (1, 768, 768), (1, 3072, 768), (1, 512, 367),
    }.Select(shape => new PeerWork($"gemm {shape.Rows}x{shape.Columns}x{shape.Depth}", threads =>
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(shape.Rows, shape.Depth));
        Graph graph = builder.Build(builder.Apply(new Linear(), x, builder.Parameter("w", TensorType.Whole(shape.Columns, shape.Depth))));

        // |x| <= 1 and |w| <= 1/sqrt(K): a sum of K products errs by at most K 2^-24 times sqrt(K), on each side.
        return OfGraph(GraphWorkload.Drawn(graph), shape.Rows, threads, 2 * shape.Depth * Math.Sqrt(shape.Depth) / (1 << 24));
    }));

    private static IEnumerable<PeerWork> Conv() => PeerConvolution.Shapes.Select(shape => new PeerWork($"conv {shape}", shape.Create));

    private static IEnumerable<PeerWork> Dlrm()
    {
        var model = new DlrmModel(DlrmWorkload.Kaggle);
        foreach (int batch in new[] { 1, 128, 2048 })
        {
            yield return new PeerWork($"dlrm-kaggle {batch}", threads => DlrmPair(batch, threads));
        }

        foreach (int batch in new[] { 128, 2048 })
        {
            yield return Training($"dlrm-kaggle training {batch}", model, batch);
        }
    }

    private static IEnumerable<PeerWork> Bert()
    {
        foreach ((int batch, int tokens) in new[] { (1, 128), (8, 128), (1, 384) })
        {
            var model = new BertModel(BertConfiguration.Base, tokens, seed: 1);
            yield return new PeerWork($"bert-base {batch}x{tokens}", threads => OfModel(model, batch, threads));
        }

        yield return Training("bert-base training 8x128", new BertModel(BertConfiguration.Base, 128, seed: 1), 8);
    }

    private static IEnumerable<PeerWork> Unet()
    {
        foreach (UnetConfiguration configuration in new[] { UnetPresets.Sn10, UnetPresets.Milesial })
        {
            var model = new UnetModel(configuration, (256, 256), (256, 256), seed: 1);
            foreach (int batch in new[] { 1, 4 })
            {
                yield return new PeerWork($"unet-{configuration.Name} {batch}x256²", threads => OfModel(model, batch, threads));
            }

            yield return Training($"unet-{configuration.Name} training 1x256²", model, 1);
        }
    }

    private static PeerWork Training(string name, IModel model, int batch) => new(name, threads =>
    {
        HostExecutor ours = GraphWorkload.Of(model, model.BuildTrainingStep(batch)).OnHost(threads);
        return new PeerPair(ours, null, () => { });
    });

    private static PeerPair DlrmPair(int batch, int threads)
    {
        // Its own workload: indices are drawn over the whole tables, so that they are not in a cache.
        DlrmWorkload workload = DlrmWorkload.Inference(DlrmWorkload.Kaggle, batch);
        HostExecutor ours = workload.OnHost(threads);
        int hotness = workload.Configuration.Hotness;
        IEnumerable<PeerInput> inputs = workload.Indices
            .Select((indices, i) => new PeerInput($"indices.{i}", indices, hotness == 1 ? [batch] : [batch, hotness]))
            .Append(new PeerInput("dense", workload.Dense.ToArray(), [batch, workload.Configuration.BottomLayers[0]]));
        var peer = new OnnxRuntimePeer(workload.ToOnnx(), batch, inputs, [batch, 1], threads);
        return new PeerPair(ours, peer, () => MustAgree(ours, workload.Model.Graph.Outputs[0], peer, DlrmWorkload.PredictionTolerance));
    }

    private static PeerPair OfModel(IModel model, int batch, int threads) =>
        OfGraph(GraphWorkload.Of(model, model.BuildInference(batch)), batch, threads, tolerance: null);

    private static PeerPair OfGraph(GraphWorkload workload, int batch, int threads, double? tolerance)
    {
        HostExecutor ours = workload.OnHost(threads);
        ValueId output = workload.Graph.Outputs[0];
        var peer = new OnnxRuntimePeer(
            workload.ToOnnx(), batch, workload.Inputs.Select(input => new PeerInput(input.Value.Name, input.Elements, ShapeOf(input.Value))),
            ShapeOf(workload.Graph[output]), threads);
        return new PeerPair(ours, peer, () => MustAgree(ours, output, peer, tolerance));
    }

    private static long[] ShapeOf(Value value) => [.. value.Type.Shape.Select(extent => (long)extent)];

    /// <param name="tolerance">Absolute; null for <see cref="SameModel"/> of the largest result.</param>
    private static void MustAgree(HostExecutor ours, ValueId output, OnnxRuntimePeer peer, double? tolerance)
    {
        var results = new float[peer.Output.Length];
        ours.Read(output, results);
        PeerResults.MustAgree(results, peer.Output, tolerance ?? SameModel * results.Max(Math.Abs));
    }
}

/// <summary>Results of both sides.</summary>
internal static class PeerResults
{
    /// <exception cref="InvalidOperationException">The two sides do not compute the same: no time of theirs means anything.</exception>
    public static void MustAgree(ReadOnlySpan<float> ours, ReadOnlySpan<float> peer, double tolerance)
    {
        for (int i = 0; i < ours.Length; i++)
        {
            // Written so that a NaN on either side fails.
            if (!(Math.Abs(ours[i] - peer[i]) <= tolerance))
            {
                throw new InvalidOperationException($"element {i} is {ours[i]:R} here and {peer[i]:R} in ONNX Runtime, more than {tolerance:R} apart");
            }
        }
    }
}
