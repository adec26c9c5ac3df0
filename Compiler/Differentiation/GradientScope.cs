using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Differentiation;

/// <summary>
/// Reverse-mode differentiation. Gradients are graph nodes like any other; where a value is used several times its gradients
/// are added in the order of descending node index of the uses, which is part of the contract.
/// </summary>
public sealed class GradientScope
{
    private readonly Dictionary<ValueId, ValueId> _gradients = [];
    private readonly HashSet<ValueId> _needed = [];

    private GradientScope(GraphBuilder builder) => Builder = builder;

    public GraphBuilder Builder { get; }

    /// <summary>Adds nodes for dSeeded/dValue for all <paramref name="values"/>.</summary>
    /// <param name="builder">The graph so far.</param>
    /// <param name="seeded">The value that is differentiated.</param>
    /// <param name="seed">dLoss/dSeeded, of its type.</param>
    /// <param name="values">Parameters or inputs.</param>
    /// <returns>The gradient of each value; null where the value has no influence.</returns>
    public static ValueId?[] Differentiate(GraphBuilder builder, ValueId seeded, ValueId seed, params ReadOnlySpan<ValueId> values) =>
        Differentiate(builder, [(seeded, seed)], values);

    /// <summary>The same for the sum of several losses.</summary>
    /// <param name="builder">The graph so far.</param>
    /// <param name="seeds">The values that are differentiated, and dLoss by each.</param>
    /// <param name="values">Parameters or inputs.</param>
    public static ValueId?[] Differentiate(
        GraphBuilder builder, IReadOnlyList<(ValueId Seeded, ValueId Seed)> seeds, params ReadOnlySpan<ValueId> values) =>
        DifferentiateFrom(builder, 0, seeds, values);

    /// <summary>The same for the part of a graph that begins at a node: <paramref name="values"/> may be what nodes before it computed.</summary>
    /// <param name="builder">The graph so far.</param>
    /// <param name="firstNode">Index of the first node that is differentiated.</param>
    /// <param name="seeds">The values that are differentiated, and dLoss by each.</param>
    /// <param name="values">Parameters, inputs, and values computed before the first node.</param>
    public static ValueId?[] DifferentiateFrom(
        GraphBuilder builder, int firstNode, IReadOnlyList<(ValueId Seeded, ValueId Seed)> seeds, params ReadOnlySpan<ValueId> values)
    {
        var scope = new GradientScope(builder);
        foreach ((ValueId seeded, ValueId seed) in seeds)
        {
            scope.Add(seeded, seed);
        }

        scope._needed.UnionWith(values.ToArray());
        int forwardCount = builder.Nodes.Count;
        for (int i = firstNode; i < forwardCount; i++)
        {
            if (builder.Nodes[i].Inputs.Any(scope._needed.Contains))
            {
                scope._needed.Add(builder.Nodes[i].Output);
            }
        }

        for (int i = forwardCount - 1; i >= firstNode; i--)
        {
            Node node = builder.Nodes[i];
            if (scope._gradients.TryGetValue(node.Output, out ValueId gradient))
            {
                node.Operator.Differentiate(scope, node, gradient);
            }
        }

        var result = new ValueId?[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            result[i] = scope._gradients.TryGetValue(values[i], out ValueId gradient) ? gradient : null;
        }

        return result;
    }

    /// <summary>True if the value depends on one whose gradient was asked for, or is one: all other gradients are dead ends.</summary>
    public bool IsNeeded(ValueId value) => _needed.Contains(value);

    /// <summary>Adds one more contribution to the gradient of a value.</summary>
    public void Add(ValueId value, ValueId contribution) =>
        _gradients[value] = _gradients.TryGetValue(value, out ValueId sum)
            ? Builder.Apply(new Add(), sum, contribution)
            : contribution;
}
