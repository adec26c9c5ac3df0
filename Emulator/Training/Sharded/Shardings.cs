using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Parallelism;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Training.Sharded;

/// <summary>How RDUs share the work; the bits do not depend on it.</summary>
public enum ParallelKind
{
    /// <summary>Each RDU takes a part of the batch, all have all parameters.</summary>
    Data,

    /// <summary>Each RDU has rows of the weights and whole embedding tables.</summary>
    Tensor,

    /// <summary>Each RDU has some of the layers.</summary>
    Pipeline,

    /// <summary>Each RDU has a tile of every image.</summary>
    Spatial,
}

/// <summary>The shardings by name.</summary>
internal static class Shardings
{
    /// <param name="graph">The whole graph.</param>
    /// <param name="split">How it is asked to be shared; not data parallel.</param>
    /// <param name="stages">Where another graph of the model has laid parameters in a pipeline; null if none has.</param>
    /// <exception cref="RduException">RDU0201: it cannot be shared so.</exception>
    public static Sharding Create(Graph graph, BatchSplit split, IReadOnlyDictionary<string, int>? stages)
    {
        if (split.Accumulate > 1 && split.Kind != ParallelKind.Pipeline)
        {
            throw new RduException(
                ErrorCatalogue.OptionInvalid, "--accumulate", "1 beside --parallel tensor and spatial", $"{split.Accumulate}", "leave it out, or take --parallel data or pipeline");
        }

        switch (split.Kind)
        {
            case ParallelKind.Tensor:
                return new TensorSharding(graph, split.Sockets);
            case ParallelKind.Pipeline:
                return new PipelineSharding(graph, split.Sockets, split.Accumulate, stages);
            case ParallelKind.Spatial:
                var spatial = new SpatialSharding(graph, split.Sockets);
                return split.Sockets == 1 || spatial.IsCut
                    ? spatial
                    : throw new RduException(
                        ErrorCatalogue.OptionInvalid, "--parallel spatial", $"images whose rows are {split.Sockets} tiles of at least 256 pixels", "none",
                        "take fewer --sockets, or another --parallel");
            default:
                throw new ArgumentOutOfRangeException(nameof(split));
        }
    }
}
