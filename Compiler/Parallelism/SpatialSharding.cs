using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Compiler.Parallelism;

/// <summary>
/// Images are cut into tiles, one for each RDU: ranges of rows, so that a tile's pixels follow each other and its sums are parts of the
/// image's. What has no such tiles (levels with too few pixels, losses, parameters and their steps) every RDU computes for itself.
/// </summary>
public sealed class SpatialSharding : Sharding
{
    /// <summary>Pixels of a tile at least: a chunk of a filter's gradient. Smaller ones would be gathered for every sum.</summary>
    private const int LeastPixels = ContractOrder.ChunkElements;

    private readonly Layout[] _layouts;

    /// <param name="graph">A graph over images [B, H, W, C].</param>
    /// <param name="tiles">Tiles of an image, each on an RDU of its own.</param>
    public SpatialSharding(Graph graph, int tiles)
        : base(graph, tiles)
    {
        _layouts = [.. graph.Values.Select(value => value.Role == ValueRole.Input ? Tiles(value.Type) ?? Layout.Everywhere(value.Type) : Layout.Everywhere(value.Type))];
        foreach (Node node in graph.Nodes)
        {
            if (Tiles(graph[node.Output].Type) is { } cut && CanBe(node, cut))
            {
                _layouts[node.Output.Index] = cut;
            }
        }
    }

    /// <summary>True if something is cut into tiles.</summary>
    public bool IsCut => _layouts.Any(layout => layout.Pieces.Count > 1);

    public override Layout LayoutOf(ValueId value) => _layouts[value.Index];

    private Layout? Tiles(TensorType type)
    {
        if (!type.HasSamples || type.Rank != 4 || Sockets == 1 || type.Shape[1] % Sockets != 0 || type.Shape[1] / Sockets * type.Shape[2] < LeastPixels)
        {
            return null;
        }

        int rows = type.Shape[1] / Sockets;
        var pieces = new List<Piece>();
        for (int image = 0; image < type.Shape[0]; image++)
        {
            for (int tile = 0; tile < Sockets; tile++)
            {
                pieces.Add(new Piece(Region.Of(type).With(0, image, 1).With(1, tile * rows, rows), tile));
            }
        }

        return new Layout([.. pieces]);
    }
}
