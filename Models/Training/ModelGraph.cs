using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Recomputation;

namespace RduEmu.Models.Training;

/// <summary>When a step happens.</summary>
/// <param name="Step">The step, counted from 0 over the whole training.</param>
/// <param name="Rate">Its learning rate.</param>
public readonly record struct StepMoment(long Step, float Rate);

/// <summary>An input of a training graph that the trainer fills, not the data: the learning rate, the step that random numbers are counted by.</summary>
/// <param name="Input">An input of one element.</param>
/// <param name="WordAt">Its 32 bits at a moment: a float's bits, or an integer.</param>
public sealed record ControlInput(ValueId Input, Func<StepMoment, int> WordAt)
{
    /// <summary>The learning rate.</summary>
    public static ControlInput Rate(ValueId input) => Float(input, moment => moment.Rate);

    /// <summary>The step as an integer, for Philox.</summary>
    public static ControlInput Step(ValueId input) => new(input, moment => (int)moment.Step);

    /// <summary>Any function of the moment; computed in float64 it has the same bits everywhere.</summary>
    public static ControlInput Float(ValueId input, Func<StepMoment, float> valueAt) =>
        new(input, moment => BitConverter.SingleToInt32Bits(valueAt(moment)));
}

/// <summary>
/// A graph of a model with the parts that its users must know. Its other inputs take the fields of a <see cref="Batch"/> that
/// have their names.
/// </summary>
/// <param name="Graph">What is computed.</param>
/// <param name="Parameters">Weights, in the order in which digests and files have them.</param>
/// <param name="Predictions">Outputs with samples: what the model says about each.</param>
public sealed record ModelGraph(Graph Graph, ImmutableArray<ValueId> Parameters, ImmutableArray<ValueId> Predictions)
{
    /// <summary>What the optimiser keeps: parameters too, zero before the first step, named after the parameter that they belong to.</summary>
    public ImmutableArray<ValueId> OptimizerStates { get; init; } = [];

    /// <summary>The layers of a training step, whose inner values can be computed again for their gradients.</summary>
    public ImmutableArray<ForwardLayer> Layers { get; init; } = [];

    /// <summary>Nodes up to the losses; those behind them are gradients and steps.</summary>
    public int ForwardNodes { get; init; }

    /// <summary>Inputs that the trainer fills.</summary>
    public ImmutableArray<ControlInput> Controls { get; init; } = [];

    /// <summary>An output [1] of a training step: <see cref="LossDivisor"/> times the batch's loss.</summary>
    public ValueId? Loss { get; init; }

    /// <summary>What the loss is to be divided by: the number of samples where the graph sums over them.</summary>
    public float LossDivisor { get; init; } = 1f;
}
