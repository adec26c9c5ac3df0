using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx.Recognition;

/// <summary>
/// An imported graph, all of whose values are whole --> one whose first axis is samples where its inputs' is a batch, and whose nodes are the
/// operators that built-in models have: products with packed weights, channel-last convolutions, heads of attentions, norms, bags.
/// Goes by what nodes compute and by shapes, never by names.
/// </summary>
/// <remarks>
/// Each node in its order: the first rule that takes it says what its output is in the new graph. A value may be there in several forms
/// (<see cref="RecognizedGraph"/>), of which conversions make others where a rule asks for them; what nothing needs in the end is
/// left out. Where no rule but the general one takes a node the graph stays as it was.
/// </remarks>
public static class GraphRecognition
{
    /// <summary>In the order in which they are asked.</summary>
    private static readonly Func<RecognizedGraph, Node, bool>[] Rules =
    [
        NormRules.TryLayerNorm,
        NormRules.TrySoftmax,
        NormRules.TryGelu,
        EmbeddingRules.TryLoopOfBags,
        EmbeddingRules.TryBag,
        EmbeddingRules.TryEmbedding,
        ImageRules.TryConvolution,
        ImageRules.TryTransposedConvolution,
        ImageRules.TryMaxPool,
        ProductRules.TryLinear,
        ProductRules.TryHeads,
        ProductRules.TrySampleProduct,
        LayoutRules.TryReshape,
        LayoutRules.TryTranspose,
        LayoutRules.TryJoin,
        LayoutRules.TrySlice,
        LayoutRules.TryGather,
    ];

    public static OnnxModel Run(OnnxModel model)
    {
        if (BatchOf(model.Graph) is not { } batch)
        {
            return model;
        }

        try
        {
            return Run(model, batch);
        }
        catch (RduException error) when (error.Id == ErrorCatalogue.GraphIllegal)
        {
            // A model at the edge of what an operator takes (extents of 0, say): it runs as it was imported.
            return model;
        }
    }

    private static OnnxModel Run(OnnxModel model, int batch)
    {
        var graph = new RecognizedGraph(model, batch);
        int recognized = 0;
        foreach (Node node in model.Graph.Nodes)
        {
            if (graph.IsKnown(node.Output))
            {
                continue;
            }

            bool isTaken = false;
            foreach (Func<RecognizedGraph, Node, bool> rule in Rules)
            {
                if (rule(graph, node))
                {
                    isTaken = true;
                    break;
                }
            }

            recognized += isTaken && node.Operator is not Operators.Layout.Reshape ? 1 : 0;
            if (!isTaken && !GeneralRules.TryElementwise(graph, node))
            {
                GeneralRules.Take(graph, node);
            }
        }

        return recognized > 0 ? graph.Finish(model) : model;
    }

    /// <summary>The extent that most inputs begin with; of equally many that of the first.</summary>
    private static int? BatchOf(Graph graph) => graph.Values
        .Where(value => value.Role == ValueRole.Input && value.Type.Rank > 0 && value.Type.Shape[0] > 0)
        .GroupBy(value => value.Type.Shape[0]).OrderByDescending(group => group.Count()).FirstOrDefault()?.Key;
}
