using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>
/// ONNX's training optimisers. Inputs: rate, step count, then all tensors, all gradients and each kind of state; outputs: the new
/// tensors and states. g is the gradient with norm_coefficient · x added.
/// </summary>
public static class TrainingOptimizers
{
    private const string TrainingDomain = "ai.onnx.preview.training";

    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("Adagrad", 1, OnnxTypes.Floats, node => Each(node, 1, Adagrad)) { Domain = TrainingDomain },
        new("Adam", 1, OnnxTypes.Floats, node => Each(node, 2, Adam)) { Domain = TrainingDomain },
        new("Momentum", 1, OnnxTypes.Floats, node => Each(node, 1, Momentum)) { Domain = TrainingDomain },
    ];

    private delegate ValueId[] Step(OnnxNode node, ValueId x, ValueId gradient, ValueId[] states);

    private static OnnxValue[] Each(OnnxNode node, int states, Step step)
    {
        int kinds = 2 + states;
        int count = (node.InputCount - 2) / kinds;
        if (count == 0 || (node.InputCount - 2) % kinds != 0)
        {
            throw node.Unsupported($"{kinds} inputs for each tensor", $"{node.InputCount - 2}");
        }

        var outputs = new OnnxValue[count * (1 + states)];
        float norm = node.Float("norm_coefficient", 0f);
        for (int i = 0; i < count; i++)
        {
            ValueId x = node[2 + i];
            ValueId gradient = node[2 + count + i];
            gradient = norm == 0f ? gradient : node.Plus(node.Times(x, node.Number(x, norm)), gradient);
            ValueId[] results = step(node, x, gradient, [.. Enumerable.Range(0, states).Select(state => node[2 + (2 + state) * count + i])]);
            for (int kind = 0; kind < results.Length; kind++)
            {
                outputs[kind * count + i] = results[kind];
            }
        }

        return outputs;
    }

    /// <summary>h' = h + g²; x' = x - rate / (1 + t · decay) · g / (sqrt(h') + epsilon).</summary>
    private static ValueId[] Adagrad(OnnxNode node, ValueId x, ValueId g, ValueId[] states)
    {
        ValueId time = node.As(node[1], node.TypeOf(x).Element);
        ValueId rate = node.Over(node[0], node.Plus(node.Number(x, 1), node.Times(time, node.Number(x, node.Float("decay_factor", 0f)))));
        ValueId h = node.Plus(states[0], node.Times(g, g));
        ValueId root = node.Plus(node.Root(h), node.Number(x, node.Float("epsilon", 0f)));
        return [node.Minus(x, node.Over(node.Times(rate, g), root)), h];
    }

    /// <summary>v' = a v + (1 - a) g; h' = b h + (1 - b) g²; x' = (x - r · v' / (sqrt(h') + epsilon)) · (1 - post), r corrected for t &gt; 0.</summary>
    private static ValueId[] Adam(OnnxNode node, ValueId x, ValueId g, ValueId[] states)
    {
        float alpha = node.Float("alpha", 0.9f);
        float beta = node.Float("beta", 0.999f);
        ValueId Mix(ValueId old, ValueId more, float share) =>
            node.Plus(node.Times(node.Number(x, share), old), node.Times(node.Number(x, 1 - (double)share), more));
        ValueId v = Mix(states[0], g, alpha);
        ValueId h = Mix(states[1], node.Times(g, g), beta);
        ValueId root = node.Plus(node.Root(h), node.Number(x, node.Float("epsilon", 0f)));
        ValueId time = node.As(node[1], node.TypeOf(x).Element);
        ValueId one = node.Number(x, 1);
        ValueId Rest(float share) => node.Minus(one, node.Apply(new Power(), node.Number(x, share), time));
        ValueId corrected = node.Over(node.Times(node[0], node.Root(Rest(beta))), Rest(alpha));
        ValueId rate = node.Choose(node.Apply(new Greater(), time, node.Number(x, 0)), corrected, node[0]);
        ValueId result = node.Minus(x, node.Over(node.Times(rate, v), root));
        float post = node.Float("norm_coefficient_post", 0f);
        return [post == 0f ? result : node.Times(result, node.Number(x, 1 - (double)post)), v, h];
    }

    /// <summary>v' = a v + b g, b being 1 at t = 0; x' = x - rate · v', or x - rate · (g + a v') after Nesterov.</summary>
    private static ValueId[] Momentum(OnnxNode node, ValueId x, ValueId g, ValueId[] states)
    {
        ValueId alpha = node.Number(x, node.Float("alpha", 0f));
        ValueId time = node.As(node[1], node.TypeOf(x).Element);
        ValueId beta = node.Choose(
            node.Apply(new Greater(), time, node.Number(x, 0)), node.Number(x, node.Float("beta", 0f)), node.Number(x, 1));
        ValueId v = node.Plus(node.Times(alpha, states[0]), node.Times(beta, g));
        ValueId direction = node.Text("mode", "standard") == "nesterov" ? node.Plus(g, node.Times(alpha, v)) : v;
        return [node.Minus(x, node.Times(node[0], direction)), v];
    }
}
