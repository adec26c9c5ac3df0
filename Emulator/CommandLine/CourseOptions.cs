using System.CommandLine;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.CommandLine;

/// <summary>How long and at which rate is trained: the user's choices over what suits the data.</summary>
internal sealed class CourseOptions
{
    private readonly Option<int?> _steps = new("--steps") { Description = "steps to do" };
    private readonly Option<int?> _epochs = new("--epochs") { Description = "times the data are read" };
    private readonly Option<float?> _rate = new("--learning-rate") { Description = "left out: the preset's" };
    private readonly Option<int?> _warmUp = new("--warmup-steps") { Description = "linear warm-up of the rate" };
    private readonly Option<int?> _decayStart = new("--decay-start-step") { Description = "first step of the decay of the rate" };
    private readonly Option<int?> _decay = new("--decay-steps") { Description = "steps of the decay" };
    private readonly Option<int?> _decayPower = new("--decay-power") { Description = "of what is left of the decay: 1 is linear, 2 quadratic" };
    private readonly Option<int> _plateau = new("--plateau") { Description = "the rate falls after so many measurements without a new best one; 0: never" };
    private readonly Option<float> _plateauFactor = new("--plateau-factor") { Description = "what the rate is multiplied by then", DefaultValueFactory = _ => 0.5f };

    public IReadOnlyList<Option> All => [_steps, _epochs, _rate, _warmUp, _decayStart, _decay, _decayPower, _plateau, _plateauFactor];

    /// <exception cref="RduException">RDU0201: a number that cannot be used.</exception>
    public TrainingCourse Read(ParseResult parsed, ModelRequest request, IModelData data)
    {
        int? steps = parsed.GetValue(_steps) is { } given ? CommonOptions.Positive("--steps", given) : null;
        int? epochs = parsed.GetValue(_epochs) is { } times ? CommonOptions.Positive("--epochs", times) : null;
        if (parsed.GetValue(_rate) is { } rate && !(float.IsFinite(rate) && rate >= 0))
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--learning-rate", "a finite number of at least 0", $"{rate}", "give such a number");
        }

        int plateau = CommonOptions.NotNegative("--plateau", parsed.GetValue(_plateau));
        float factor = parsed.GetRequiredValue(_plateauFactor);
        if (!(factor > 0 && factor < 1))
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--plateau-factor", "a number between 0 and 1", $"{factor}", "give such a number");
        }

        TrainingCourse suited = data.Suited(new CourseChoices(request.Common.BatchSamples, steps, epochs));
        return suited with
        {
            Rate = parsed.GetValue(_rate) ?? suited.Rate,
            Policy = suited.Policy with
            {
                WarmUpSteps = parsed.GetValue(_warmUp) ?? suited.Policy.WarmUpSteps,
                DecayStartStep = parsed.GetValue(_decayStart) ?? suited.Policy.DecayStartStep,
                DecaySteps = parsed.GetValue(_decay) ?? suited.Policy.DecaySteps,
                DecayPower = parsed.GetValue(_decayPower) is { } power ? CommonOptions.Positive("--decay-power", power) : suited.Policy.DecayPower,
            },
            Plateau = plateau > 0 ? new PlateauPolicy(plateau, factor) : suited.Plateau,
        };
    }

    /// <summary>Every option that may change bits.</summary>
    public static Dictionary<string, object> Describe(ModelRequest request, TrainingCourse course) => new()
    {
        ["seed"] = request.Seed,
        ["optimizer"] = request.Model.Optimizer,
        ["batch"] = course.BatchSamples,
        ["steps"] = (object?)course.Steps ?? "as many as the data have",
        ["epochs"] = (object?)course.Epochs ?? "as many as the steps need",
        ["learningRate"] = course.Rate,
        ["warmupSteps"] = course.Policy.WarmUpSteps,
        ["decayStartStep"] = course.Policy.DecayStartStep,
        ["decaySteps"] = course.Policy.DecaySteps,
        ["decayPower"] = course.Policy.DecayPower,
        ["lowestRate"] = course.Policy.LowestRate,
        ["plateau"] = course.Plateau is { } plateau ? $"{plateau.Patience}, {plateau.Factor}" : "none",
    };
}
