using System.Collections.Immutable;

namespace RduEmu.Compiler.Weights;

/// <summary>How elements are stored in a file of weights.</summary>
public enum WeightStorage
{
    F32,
    F16,
    BF16,
}

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Storage">How its elements are stored.</param>
/// <param name="Shape">Extents, outermost first; empty for a scalar.</param>
/// <param name="BeginBytes">Where its data begin, from the end of the header on.</param>
public sealed record SafetensorsTensor(string Name, WeightStorage Storage, ImmutableArray<int> Shape, long BeginBytes)
{
    public long CountElements => Shape.Aggregate(1L, (count, extent) => checked(count * extent));

    public int ElementBytes => Storage == WeightStorage.F32 ? sizeof(float) : sizeof(ushort);

    public long CountBytes => checked(CountElements * ElementBytes);
}
