using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Models.Training;

namespace RduEmu.Models.Unet;

/// <summary>The optimiser's steps of a UNet as nodes and updates.</summary>
internal sealed class UnetOptimizerNodes
{
    // Adam: torch.optim.Adam's defaults (Kingma and Ba, arXiv:1412.6980).
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double AdamEpsilon = 1e-8;

    // RMSprop: what milesial/Pytorch-UNet's train.py asks of torch.optim.RMSprop.
    private const float RmsDecay = 0.99f;
    private const float RmsEpsilon = 1e-8f;
    private const float RmsMomentum = 0.999f;
    private const float RmsWeightDecay = 1e-8f;

    private readonly UnetLayers _layers;
    private readonly UnetOptimizer _kind;
    private readonly float _momentum;
    private readonly ValueId _rate;
    private readonly ValueId _epsilon;

    /// <param name="layers">The network so far.</param>
    /// <param name="kind">By what it is trained.</param>
    /// <param name="momentum">Of gradient descent; 0 for none.</param>
    public UnetOptimizerNodes(UnetLayers layers, UnetOptimizer kind, float momentum)
    {
        _layers = layers;
        _kind = kind;
        _momentum = momentum;
        _rate = layers.Builder.Input("rate", TensorType.Whole(1));
        if (kind == UnetOptimizer.Adam)
        {
            // The moments' bias is corrected in the rate and in epsilon: m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + e) with
            // c = sqrt(1 - b2^t) is c / (1 - b1^t) · m / (sqrt(v) + e · c).
            _epsilon = layers.Builder.Input("epsilon", TensorType.Whole(1));
            Controls.Add(ControlInput.Float(_rate, moment => (float)(moment.Rate * Correction(moment) / (1 - Math.Pow(Beta1, moment.Step + 1)))));
            Controls.Add(ControlInput.Float(_epsilon, moment => (float)(AdamEpsilon * Correction(moment))));
        }
        else
        {
            Controls.Add(ControlInput.Rate(_rate));
        }
    }

    /// <summary>Parameters that the optimiser keeps.</summary>
    public List<ValueId> States { get; } = [];

    public List<ControlInput> Controls { get; } = [];

    /// <summary>The step of one parameter.</summary>
    public void AddStep(ValueId parameter, ValueId gradient)
    {
        GraphBuilder builder = _layers.Builder;
        ValueId one = _layers.Scalar(1f);
        switch (_kind)
        {
            case UnetOptimizer.Adam:
                ValueId first = Keep(parameter, "m", m => builder.Apply(new AdamMoment(IsSecond: false), m, gradient, one, _layers.Scalar((float)Beta1)));
                ValueId second = Keep(parameter, "v", v => builder.Apply(new AdamMoment(IsSecond: true), v, gradient, one, _layers.Scalar((float)Beta2)));
                builder.Update(parameter, builder.Apply(new AdamStep(Decays: false), parameter, first, second, _rate, _epsilon));
                break;
            case UnetOptimizer.RmsProp:
                ValueId decay = _layers.Scalar(RmsWeightDecay);
                ValueId mean = Keep(parameter, "v", v => builder.Apply(new RmsPropMean(), v, parameter, gradient, decay, _layers.Scalar(RmsDecay)));
                ValueId velocity = Keep(parameter, "velocity", b => builder.Apply(
                    new RmsPropVelocity(), b, parameter, gradient, mean, decay, _layers.Scalar(RmsEpsilon), _layers.Scalar(RmsMomentum)));
                builder.Update(parameter, builder.Apply(new SgdStep(), parameter, velocity, _rate));
                break;
            default:
                ValueId step = _momentum > 0
                    ? Keep(parameter, "velocity", b => builder.Apply(new MomentumVelocity(), b, gradient, _layers.Scalar(_momentum)))
                    : gradient;
                builder.Update(parameter, builder.Apply(new SgdStep(), parameter, step, _rate));
                break;
        }
    }

    private static double Correction(StepMoment moment) => Math.Sqrt(1 - Math.Pow(Beta2, moment.Step + 1));

    /// <summary>A state of a parameter, zero at first, that takes a new value in every step; the new value.</summary>
    private ValueId Keep(ValueId parameter, string suffix, Func<ValueId, ValueId> next)
    {
        GraphBuilder builder = _layers.Builder;
        ValueId state = builder.Parameter($"{builder.NameOf(parameter)}.{suffix}", builder[parameter]);
        States.Add(state);
        ValueId value = next(state);
        builder.Update(state, value);
        return value;
    }
}
