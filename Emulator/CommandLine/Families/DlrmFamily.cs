using System.CommandLine;
using RduEmu.Compiler.Optimizers;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;

namespace RduEmu.Emulator.CommandLine.Families;

/// <summary><c>dlrm</c>: presets, tables, optimisers and click data.</summary>
internal sealed class DlrmFamily : IModelFamily
{
    /// <summary>Generated clicks do not need tables of ten million rows.</summary>
    private const int GeneratedTableRowsCap = 100_000;

    /// <summary>Adagrad scales its steps by itself: the presets' rates are meant for gradient descent.</summary>
    private const float AdagradRate = 0.01f;

    private readonly Option<string> _preset = new("--preset") { Description = $"{string.Join(", ", DlrmPresets.All.Select(preset => preset.Name))}", DefaultValueFactory = _ => "kaggle" };
    private readonly Option<string?> _data = new("--data") { Description = "a Criteo file or folder, a MovieLens 100k folder, or a training example in JSON; left out: generated clicks" };
    private readonly Option<string?> _testData = new("--test-data") { Description = "Criteo samples to be measured on; left out: every tenth row of --data" };
    private readonly Option<int?> _cap = new("--table-rows-cap") { Description = $"no embedding table larger than this; with generated clicks {GeneratedTableRowsCap} if left out" };
    private readonly Option<int?> _width = new("--embedding-width") { Description = "elements of an embedding; left out: the preset's" };
    private readonly Option<string> _optimizer = new("--optimizer") { Description = string.Join(", ", DlrmModel.Optimizers.Keys), DefaultValueFactory = _ => "sgd" };

    public string Name => "dlrm";

    public string Description => "a deep learning recommendation model: clicks from numbers and categories";

    public IReadOnlyList<Option> Options => [_preset, _data, _testData, _cap, _width, _optimizer];

    public IReadOnlyList<string> Precisions => ["fp32", "bf16"];

    public ModelChoice Read(ParseResult parsed, CommonChoices common) => Read(parsed, common, parsed.GetValue(_width));

    /// <param name="parsed">The command line.</param>
    /// <param name="common">The common options.</param>
    /// <param name="embeddingWidth">Elements of an embedding, or null for the preset's.</param>
    /// <exception cref="RduException">RDU0201, RDU0202: an option has a value that cannot be used.</exception>
    public ModelChoice Read(ParseResult parsed, CommonChoices common, int? embeddingWidth)
    {
        DlrmConfiguration configuration = DlrmPresets.Find(parsed.GetRequiredValue(_preset));
        string? data = parsed.GetValue(_data);
        string? testData = parsed.GetValue(_testData);
        int? cap = parsed.GetValue(_cap) ?? (data is null ? GeneratedTableRowsCap : null);
        if (cap is { } rows)
        {
            configuration = configuration.WithTableRowsCap(rows);
        }

        if (embeddingWidth is { } width)
        {
            configuration = configuration with { BottomLayers = configuration.BottomLayers.SetItem(configuration.BottomLayers.Length - 1, CommonOptions.Positive("--embedding-width", width)) };
        }

        string optimizer = parsed.GetRequiredValue(_optimizer);
        if (!DlrmModel.Optimizers.TryGetValue(optimizer, out OptimizerKind kind))
        {
            throw new RduException(ErrorCatalogue.NameUnknown, "--optimizer", string.Join(", ", DlrmModel.Optimizers.Keys), optimizer, "choose one of the optimizers");
        }

        if (kind != OptimizerKind.Sgd)
        {
            configuration = configuration with { LearningRate = AdagradRate };
        }

        return new ModelChoice(new DlrmModel(configuration, kind), () => DlrmData.Open(configuration, data, testData, common.Seed));
    }
}
