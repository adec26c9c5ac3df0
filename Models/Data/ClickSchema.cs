using System.Collections.Immutable;

namespace RduEmu.Models.Data;

/// <summary>The shape of click samples.</summary>
/// <param name="DenseFeatures">Numbers of a sample.</param>
/// <param name="TableRows">For each categorical feature, how many categories there are: indices are below it.</param>
/// <param name="TableHotness">For each categorical feature, how many categories a sample has at most.</param>
public sealed record ClickSchema(int DenseFeatures, ImmutableArray<int> TableRows, ImmutableArray<int> TableHotness)
{
    public int Tables => TableRows.Length;
}
