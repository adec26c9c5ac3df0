using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// An index as embeddings take it: a negative one counts from the end of the table, one outside the table is -1, absent. Inputs:
/// integers of 32 or 64 bits, and the number of rows as a scalar of the same type; output: int32.
/// </summary>
public sealed record TableIndex : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(TableIndexWord);

    public override bool IsProgram(ElementType element) => false;

    public override Type? WordFunction(ElementType element) => element is ElementType.Int32 or ElementType.Int64 ? typeof(TableIndexWord) : null;

    public override ElementType ResultOf(IReadOnlyList<TensorType> inputs) => ElementType.Int32;
}
