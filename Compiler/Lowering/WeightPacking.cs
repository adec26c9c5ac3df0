using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Compiler.Lowering;

/// <summary>A form in which a contraction wants a weight; a copy in it is kept beside the weight and made anew with each step.</summary>
public abstract record WeightPacking
{
    /// <summary>Words of the packed copy.</summary>
    /// <param name="weight">The weight's type.</param>
    public abstract long LengthElements(TensorType weight);

    /// <summary>The unit that packs; its items are the rows of the weight as a matrix.</summary>
    public abstract ConfiguredUnit CreateUnit(string name, TensorType weight, Operand source, Operand packed);
}

/// <summary>A weight that is packed.</summary>
/// <param name="Parameter">What is packed: a parameter or a constant.</param>
/// <param name="Rounds">True if its elements are rounded to the nearest bf16 on the way.</param>
public readonly record struct PackedWeightSource(ValueId Parameter, bool Rounds);

/// <summary>Panels of 16 columns, <c>packed[n / 16][k][n mod 16]</c>, of a weight [N, K]; transposed, of [K, N].</summary>
public sealed record PanelPacking(bool Transposed, bool Rounds = false) : WeightPacking
{
    public override long LengthElements(TensorType weight)
    {
        (int rows, int columns) = Sectioning.MatrixOf(weight);
        return Transposed ? PackedWeight.LengthElements(columns, rows) : PackedWeight.LengthElements(rows, columns);
    }

    public override ConfiguredUnit CreateUnit(string name, TensorType weight, Operand source, Operand packed)
    {
        (int rows, int columns) = Sectioning.MatrixOf(weight);
        return new PackUnit($"pack {name}{(Transposed ? " transposed" : string.Empty)}", rows, columns, Transposed, source, packed, Rounds);
    }
}
