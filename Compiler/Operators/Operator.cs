using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Operators;

/// <summary>
/// One operator of the catalogue: its shape rule, its gradient, how it is lowered and what it costs. Attributes are properties of the record, so two equal
/// operators on equal inputs are equal nodes.
/// </summary>
public abstract record Operator
{
    public string Name => GetType().Name;

    /// <summary>The type of the output.</summary>
    /// <exception cref="RduException">RDU0401: it does not take these inputs.</exception>
    public abstract TensorType Infer(OperatorInputs inputs);

    /// <summary>
    /// Adds to the scope the gradient of each input, as graph nodes. An operator that has none (a loss is differentiated
    /// once) leaves this as it is.
    /// </summary>
    /// <param name="scope">Where gradients are added and nodes are made.</param>
    /// <param name="node">The application.</param>
    /// <param name="gradient">dLoss/dOutput, of the output's type.</param>
    public virtual void Differentiate(GradientScope scope, Node node, ValueId gradient) =>
        throw new RduException(ErrorCatalogue.GraphIllegal, node.Name, "an operator with a gradient", Name, "keep it out of the path from parameters to the loss");

    /// <summary>What the machine model needs to know: the template, its extents, how inputs are read.</summary>
    /// <param name="inputs">The types it is applied to.</param>
    /// <param name="output">The type that <see cref="Infer"/> gives for them.</param>
    public virtual OperatorProfile Profile(OperatorInputs inputs, TensorType output) => OperatorProfile.Of(inputs, output);

    /// <summary>Adds the stages that compute the node.</summary>
    /// <exception cref="RduException">RDU0401: there is no template for it.</exception>
    public virtual void Lower(StageLowering lowering, Node node) =>
        throw new RduException(ErrorCatalogue.GraphIllegal, $"node {node.Name}", "an operator that lowers to a template", Name, "express it by others");

    /// <summary>Floating-point operations of one application: an FMA counts two, everything else one.</summary>
    public virtual long CountOperations(OperatorInputs inputs) => Profile(inputs, Infer(inputs)).Operations;

    /// <summary>The position of the input that is read as a packed weight; null if none is.</summary>
    public virtual int? PackedInput => null;

    /// <summary>True if the stage of the node reads the input where it lies, in pairs of bf16; else it is widened before.</summary>
    /// <param name="input">Its position.</param>
    /// <param name="inputs">The types of all inputs, pairs as what they widen to.</param>
    /// <param name="output">The type of the output.</param>
    public virtual bool ReadsPairs(int input, IReadOnlyList<TensorType> inputs, TensorType output) => PackedInput == input;

    /// <summary>True if each element of the output is an element of an input, or 0: rounding it again changes nothing.</summary>
    public virtual bool OnlyMoves => false;

    /// <summary>
    /// Samples of a group, where the output is a sum over samples whose groups are combined by the tree of
    /// <see cref="Kernels.Templates.SampleReduce.SampleTree"/>: such a sum can be cut at the top of its tree. Null for anything else.
    /// </summary>
    public virtual int? SampleGroup(IReadOnlyList<TensorType> inputs) => null;

    /// <summary>
    /// How a region of the output is computed by itself, from regions of the inputs; null if only the whole output can be. What has
    /// samples can be cut between any two of them.
    /// </summary>
    /// <param name="inputs">The types of the whole inputs.</param>
    /// <param name="output">The type that <see cref="Infer"/> gives for them.</param>
    /// <param name="region">A part of the output, not all of it.</param>
    public virtual SliceRule? SliceOf(OperatorInputs inputs, TensorType output, Region region) => Slices.BySample(this, inputs, output, region);

    /// <summary>How a sum over samples is made of shares; null for anything else.</summary>
    public virtual SumRule? Shares(OperatorInputs inputs) => SampleGroup(inputs.Types) is null ? null : new SumRule(this, [.. Enumerable.Range(0, inputs.Types.Count)]);

    /// <summary>What of each input the share of some rows of the first input takes.</summary>
    /// <param name="inputs">The types of the whole inputs.</param>
    /// <param name="rows">Rows of the first input, all columns of each.</param>
    public virtual SliceRule? Share(OperatorInputs inputs, Region rows) =>
        new(this, [.. inputs.Types.Select(type => !type.HasSamples ? Region.Of(type) : type.Rank == rows.Rank ? Slices.Rows(type, rows) : Slices.Samples(type, rows))]);

    /// <summary>True if its stage may write the parameter that its output updates.</summary>
    public virtual bool UpdatesInPlace => false;
}

/// <summary>The types an operator is applied to, with what an error message needs.</summary>
public readonly record struct OperatorInputs(string NodeName, string OperatorName, IReadOnlyList<TensorType> Types)
{
    public TensorType this[int index] => Types[index];

    public void RequireCount(int count) => Require(Types.Count == count, $"{count} inputs", $"{Types.Count}");

    public void Require(bool holds, string expected, string? got = null)
    {
        if (!holds)
        {
            throw new RduException(
                ErrorCatalogue.GraphIllegal,
                $"node {NodeName} ({OperatorName})",
                expected,
                got ?? string.Join("; ", Types),
                "correct the shapes of its inputs");
        }
    }
}
