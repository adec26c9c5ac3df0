using System.CommandLine;
using RduEmu.Compiler.Precision;
using RduEmu.Emulator.CommandLine.Families;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Templates.Round;
using RduEmu.Models.Precision;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.CommandLine;

/// <summary>What is stored in bf16, and how it is rounded.</summary>
internal sealed class PrecisionOptions
{
    private const string Float32 = "fp32";
    private const string BFloat16 = "bf16";

    private static readonly Dictionary<string, PrecisionPreset> Presets = new()
    {
        ["mp0"] = PrecisionPreset.Mp0,
        ["mp1"] = PrecisionPreset.Mp1,
        ["mp4"] = PrecisionPreset.Mp4,
    };

    private static readonly Dictionary<string, RoundingKind> Roundings = new()
    {
        ["nearest"] = RoundingKind.Nearest,
        ["stochastic"] = RoundingKind.Stochastic,
    };

    private readonly IModelFamily _family;
    private readonly Option<string> _precision;
    private readonly Option<string> _preset = new("--graphamp-preset") { Description = "of bf16: mp4 stores all activations and weights so, mp1 what products read, mp0 nothing", DefaultValueFactory = _ => "mp4" };
    private readonly Option<string?> _rounding = new("--rounding") { Description = "to bf16 while training: nearest, stochastic; left out: stochastic. Predictions are rounded to nearest" };
    private readonly Option<bool> _masters = new("--master-weights") { Description = "of bf16: keep weights in float32, with rounded copies for the products" };

    public PrecisionOptions(IModelFamily family)
    {
        _family = family;
        _precision = new("--precision") { Description = string.Join(", ", family.Precisions), DefaultValueFactory = _ => Float32 };
    }

    public IReadOnlyList<Option> All => _family.Precisions.Contains(BFloat16) ? [_precision, _preset, _rounding, _masters] : [_precision];

    /// <summary>The model in the precision that was asked for.</summary>
    /// <exception cref="RduException">RDU0201, RDU0202: an option has a value that cannot be used.</exception>
    public IModel Apply(ParseResult parsed, IModel model, int seed)
    {
        string precision = parsed.GetRequiredValue(_precision);
        if (!_family.Precisions.Contains(precision))
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--precision", string.Join(", ", _family.Precisions), precision, "leave the option out");
        }

        if (precision == Float32)
        {
            return model;
        }

        return new MixedPrecisionModel(model, new PrecisionPolicy(
            Find("--graphamp-preset", Presets, parsed.GetRequiredValue(_preset)),
            Find("--rounding", Roundings, parsed.GetValue(_rounding) ?? "stochastic"),
            parsed.GetValue(_masters),
            seed));
    }

    private static T Find<T>(string option, Dictionary<string, T> known, string name) => known.TryGetValue(name, out T? found)
        ? found
        : throw new RduException(ErrorCatalogue.NameUnknown, option, string.Join(", ", known.Keys), name, "choose one of these");
}
