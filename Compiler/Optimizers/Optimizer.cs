using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Optimizers;

/// <summary>Adds optimiser steps to a graph, as nodes and updates like any other.</summary>
public static class Optimizer
{
    /// <summary>
    /// Adds the step of one parameter: its update and, for Adagrad, a state parameter (named <c>NAME.sum</c>; to be zero at first)
    /// with an update of its own.
    /// </summary>
    /// <param name="builder">The graph so far.</param>
    /// <param name="kind">The rule.</param>
    /// <param name="name">The parameter's name.</param>
    /// <param name="parameter">A whole value; [R, D] if it is a table.</param>
    /// <param name="gradient">dLoss/dParameter, of its type.</param>
    /// <param name="rate">The learning rate [1].</param>
    /// <param name="isTable">True for an embedding table: only these are updated row-wise.</param>
    /// <returns>The state, or null where the rule keeps none.</returns>
    /// <exception cref="Kernels.Errors.RduException">RDU0401: the types are not these.</exception>
    public static ValueId? AddStep(
        GraphBuilder builder, OptimizerKind kind, string name, ValueId parameter, ValueId gradient, ValueId rate, bool isTable)
    {
        if (kind == OptimizerKind.Sgd)
        {
            builder.Update(parameter, builder.Apply(new SgdStep(), parameter, gradient, rate));
            return null;
        }

        bool rowWise = kind == OptimizerKind.RowWiseAdagrad && isTable;
        TensorType type = builder[parameter];
        ValueId state = builder.Parameter($"{name}.sum", rowWise ? TensorType.Whole(type.Shape[0], 1) : type);
        ValueId next = builder.Apply(rowWise ? new RowWiseAdagradState() : new AdagradState(), state, gradient);
        builder.Update(state, next);
        builder.Update(parameter, builder.Apply(new AdagradStep(rowWise), parameter, gradient, next, rate));
        return state;
    }
}
