using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Optimizers;

/// <summary>The constants of AdamW and LAMB; the defaults are those of BERT (github.com/google-research/bert, optimization.py).</summary>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
/// <param name="WeightDecay">What parameters that decay are drawn to zero by, in units of the rate.</param>
/// <param name="ClipNorm">The largest norm of all gradients together; larger ones are scaled down.</param>
public sealed record AdamSettings(
    float Beta1 = 0.9f, float Beta2 = 0.999f, float Epsilon = 1e-6f, float WeightDecay = 0.01f, float ClipNorm = 1f)
{
    public static AdamSettings Bert { get; } = new();
}

/// <summary>A parameter as an optimiser sees it.</summary>
/// <param name="Name">Its name; its moments are called NAME.m and NAME.v.</param>
/// <param name="Parameter">The parameter.</param>
/// <param name="Gradient">dLoss/dParameter.</param>
/// <param name="Decays">False for biases and norms: no decay, and with LAMB no trust ratio.</param>
public sealed record Trained(string Name, ValueId Parameter, ValueId Gradient, bool Decays);

/// <summary>Adds the steps of AdamW or LAMB for all parameters of a model: they belong together, for the clip is by the norm of all gradients.</summary>
public static class AdamW
{
    /// <param name="builder">The graph so far.</param>
    /// <param name="parameters">In the order in which their squares are added.</param>
    /// <param name="rate">The learning rate [1].</param>
    /// <param name="settings">The constants.</param>
    /// <param name="isLamb">True for LAMB: the rate of each decaying parameter times the ratio of its norm and its step's.</param>
    /// <returns>The moments, two for each parameter in their order: parameters too, to be zero at first.</returns>
    public static IReadOnlyList<ValueId> AddSteps(
        GraphBuilder builder, IReadOnlyList<Trained> parameters, ValueId rate, AdamSettings settings, bool isLamb = false)
    {
        ValueId Scalar(string name, float value) => builder.Constant(name, TensorType.Whole(1), value);
        ValueId beta1 = Scalar("adam.beta1", settings.Beta1);
        ValueId beta2 = Scalar("adam.beta2", settings.Beta2);
        ValueId epsilon = Scalar("adam.epsilon", settings.Epsilon);
        ValueId decay = Scalar("adam.decay", settings.WeightDecay);
        ValueId clip = builder.Apply(new ClipScale(), GlobalSquareSum(builder, [.. parameters.Select(trained => trained.Gradient)]), Scalar("adam.clip", settings.ClipNorm));
        var states = new List<ValueId>();
        foreach (Trained trained in parameters)
        {
            TensorType type = builder[trained.Parameter];
            ValueId m = builder.Parameter($"{trained.Name}.m", type);
            ValueId v = builder.Parameter($"{trained.Name}.v", type);
            states.Add(m);
            states.Add(v);
            ValueId nextM = builder.Apply(new AdamMoment(IsSecond: false), m, trained.Gradient, clip, beta1);
            ValueId nextV = builder.Apply(new AdamMoment(IsSecond: true), v, trained.Gradient, clip, beta2);
            builder.Update(m, nextM);
            builder.Update(v, nextV);
            ValueId next;
            if (isLamb && trained.Decays)
            {
                ValueId direction = builder.Apply(new AdamDirection(Decays: true), trained.Parameter, nextM, nextV, epsilon, decay);
                ValueId ratio = builder.Apply(new TrustRatio(), SquareSum(builder, trained.Parameter), SquareSum(builder, direction));
                next = builder.Apply(new LambStep(), trained.Parameter, direction, rate, ratio);
            }
            else
            {
                next = trained.Decays
                    ? builder.Apply(new AdamStep(Decays: true), trained.Parameter, nextM, nextV, rate, epsilon, decay)
                    : builder.Apply(new AdamStep(Decays: false), trained.Parameter, nextM, nextV, rate, epsilon);
            }

            builder.Update(trained.Parameter, next);
        }

        return states;
    }

    /// <summary>The sum of squares of all values together [1]: of each value by itself, then added in their order.</summary>
    public static ValueId GlobalSquareSum(GraphBuilder builder, IReadOnlyList<ValueId> values)
    {
        ValueId total = SquareSum(builder, values[0]);
        foreach (ValueId value in values.Skip(1))
        {
            total = builder.Apply(new Add(), total, SquareSum(builder, value));
        }

        return total;
    }

    private static ValueId SquareSum(GraphBuilder builder, ValueId value) =>
        builder.Apply(new ColumnSum(), builder.Apply(new RowSquareSum(), value));
}
