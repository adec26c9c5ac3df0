using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Templates.Contract;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Compiler.Parallelism;

/// <summary>
/// Which pieces of rows are parts of the tree of a sum over samples. A piece of whole samples is one if it has a power-of-two number of
/// groups (the tree over groups is cut at its top). A tile of rows of one image is one if it has a power-of-two number of leaves of 32
/// rows; of a filter's gradient, which goes left to right in chunks of 256 pixels inside an image, if it ends with a chunk.
/// </summary>
internal static class ShareTree
{
    /// <param name="type">Of the value that has the rows.</param>
    /// <param name="layout">Its pieces.</param>
    /// <param name="sum">What is summed.</param>
    /// <param name="inputs">The types of the sum's inputs.</param>
    /// <returns>For each sample or range of samples its pieces, all in ascending order; null if the pieces are not parts of the tree.</returns>
    public static List<List<Piece>>? Of(TensorType type, Layout layout, SumRule sum, OperatorInputs inputs)
    {
        Piece[] pieces = [.. layout.Pieces.OrderBy(piece => piece.Region.Begin[0]).ThenBy(piece => type.Rank > 2 ? piece.Region.Begin[1] : 0)];
        bool isCutByRows = pieces.Length > 1
            && pieces.All(piece => piece.Socket != Piece.Everywhere && Enumerable.Range(2, Math.Max(0, type.Rank - 2)).All(axis => piece.Region.HasAll(type, axis)))
            && pieces.All(piece => type.Rank > 2 || piece.Region.HasAll(type, 1))
            && pieces.All(piece => sum.Sum.Share(inputs, piece.Region) is not null);
        if (!type.HasSamples || !isCutByRows || sum.Sum.SampleGroup(inputs.Types) is not { } group)
        {
            return null;
        }

        if (pieces.All(piece => type.Rank <= 2 || piece.Region.HasAll(type, 1)))
        {
            int samples = pieces[0].Region.Extent[0];
            bool isCut = pieces.All(piece => piece.Region.Extent[0] == samples) && samples % group == 0 && int.IsPow2(samples / group);
            return isCut ? [.. pieces.Select(piece => new List<Piece> { piece })] : null;
        }

        List<List<Piece>> images = [.. pieces.GroupBy(piece => piece.Region.Begin[0]).Select(image => image.ToList())];
        int rows = pieces[0].Region.Extent[1];
        int pixels = rows;
        for (int axis = 2; axis < type.Rank - 1; axis++)
        {
            pixels *= type.Shape[axis];
        }

        bool isPart = sum.Order == ShareOrder.Continued
            ? pixels % ContractOrder.ChunkElements == 0
            : pixels % SampleTree.LeafRows == 0 && int.IsPow2(pixels / SampleTree.LeafRows);
        return group == 1 && isPart && pieces.All(piece => piece.Region.Extent[0] == 1 && piece.Region.Extent[1] == rows) ? images : null;
    }
}
