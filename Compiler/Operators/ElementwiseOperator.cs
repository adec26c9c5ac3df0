using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Programs;

namespace RduEmu.Compiler.Operators;

/// <summary>An operator that computes every element by itself: it becomes stages of a program, alone or fused with others.</summary>
public abstract record ElementwiseOperator : Operator
{
    /// <summary>
    /// The struct that implements it: an <see cref="IUnaryFunction"/>, <see cref="IBinaryFunction"/> or <see cref="ITernaryFunction"/>;
    /// the last one to be applied where <see cref="Program"/> is made of several.
    /// </summary>
    public abstract Type Function { get; }

    /// <summary>How it reads each of its inputs.</summary>
    public virtual SlotAccess Access(int input) => SlotAccess.Full;

    public override OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Of(this, inputs, output);

    /// <summary>What it computes of its inputs, as a program.</summary>
    /// <param name="inputs">One program for each input.</param>
    public virtual ProgramTree Program(IReadOnlyList<ProgramTree> inputs) => inputs.Count switch
    {
        1 => new ProgramTree.Call1(Function, inputs[0]),
        2 => new ProgramTree.Call2(Function, inputs[0], inputs[1]),
        _ => new ProgramTree.Call3(Function, inputs[0], inputs[1], inputs[2]),
    };

    public override bool UpdatesInPlace => true;

    public override SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) =>
        Slices.ByElement(this, inputs, output, region, Access) ?? base.SliceOf(inputs, output, region);

    public override bool ReadsPairs(int input, IReadOnlyList<TensorType> inputs, TensorType output) => Access(input) == SlotAccess.Full;

    public override void Lower(StageLowering lowering, Node node) => lowering.LowerElementwise(node, this);
}
