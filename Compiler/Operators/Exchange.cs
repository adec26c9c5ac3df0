using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;

namespace RduEmu.Compiler.Operators;

/// <summary>What happens to elements in an exchange.</summary>
public enum MoveKind
{
    /// <summary>From an input to the output, on this RDU.</summary>
    Keep,

    /// <summary>From an input to another RDU.</summary>
    Send,

    /// <summary>From another RDU to the output.</summary>
    Receive,
}

/// <summary>One move of an exchange.</summary>
/// <param name="Input">Position of the input; -1 of a receipt.</param>
/// <param name="Source">Elements of the input.</param>
/// <param name="Target">Elements of the output; of what is sent none.</param>
/// <param name="Peer">The other RDU; -1 of what is kept.</param>
public readonly record struct Move(MoveKind Kind, int Input, Region Source, Region Target, int Peer);

/// <summary>
/// One RDU's part of an exchange between RDUs: pieces of its inputs go to others, and its output is put together of pieces of inputs
/// and of what others send. Nothing is added. All RDUs that take part have a node of the same number.
/// </summary>
/// <param name="Number">Of the exchange: every RDU makes its exchanges in ascending order.</param>
/// <param name="Result">The output's type; [1] of zeros where this RDU only sends.</param>
/// <param name="Moves">In the order in which each pair of RDUs sends and takes.</param>
/// <param name="IsOrdered">
/// True if everything before it in the graph is computed before it, and nothing behind it: the order of the graph is the schedule. Else a
/// node is computed as soon as its inputs are there.
/// </param>
public sealed record Exchange(int Number, TensorType Result, EquatableArray<Move> Moves, bool IsOrdered = false) : Operator
{
    public override TensorType Infer(OperatorInputs inputs)
    {
        foreach (Move move in Moves)
        {
            bool readsInput = move.Kind == MoveKind.Receive || (move.Input < inputs.Types.Count && Region.Of(inputs[move.Input]).Contains(move.Source));
            bool fillsOutput = move.Kind == MoveKind.Send || Region.Of(Result).Contains(move.Target);
            inputs.Require(readsInput && fillsOutput, "moves between inputs and output", $"{move}");
        }

        return Result;
    }

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Layout(output);

    public override long CountOperations(OperatorInputs inputs) => 0;

    // Its output is not joined by what follows: others send it while the program runs.
    public override void Lower(StageLowering lowering, Node node) => lowering.EmitPiece(new ExchangeStage(node.Name, node.Output, node.Inputs, this));

    public override string ToString() => $"{Name}[{Number}: {string.Join("; ", Moves)}]";
}
