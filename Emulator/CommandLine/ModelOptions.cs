using System.CommandLine;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Optimizers;
using RduEmu.Emulator.Execution;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;

namespace RduEmu.Emulator.CommandLine;

/// <summary>The options that say which model runs on what, and where; the same for run, train and check.</summary>
internal sealed class ModelOptions
{
    /// <summary>Generated clicks do not need tables of ten million rows.</summary>
    public const int GeneratedTableRowsCap = 100_000;

    /// <summary>Adagrad scales its steps by itself: the presets' rates are meant for gradient descent.</summary>
    private const float AdagradRate = 0.01f;

    private static readonly Dictionary<string, OptimizerKind> Optimizers = new()
    {
        ["sgd"] = OptimizerKind.Sgd,
        ["adagrad"] = OptimizerKind.Adagrad,
        ["rowwise-adagrad"] = OptimizerKind.RowWiseAdagrad,
    };

    private readonly Argument<string> _model = new("MODEL") { Description = "dlrm" };
    private readonly Option<string> _preset = new("--preset") { Description = $"{string.Join(", ", DlrmPresets.All.Select(preset => preset.Name))}", DefaultValueFactory = _ => "kaggle" };
    private readonly Option<string?> _data = new("--data") { Description = "a Criteo file or folder, a MovieLens 100k folder, or a training example in JSON; left out: generated clicks" };
    private readonly Option<string?> _testData = new("--test-data") { Description = "Criteo samples to be measured on; left out: every tenth row of --data" };
    private readonly Option<int?> _cap = new("--table-rows-cap") { Description = $"no embedding table larger than this; with generated clicks {GeneratedTableRowsCap} if left out" };
    private readonly Option<int?> _batch = new("--batch") { Description = "samples of a step; left out: the preset's" };
    private readonly Option<int> _seed = new("--seed") { Description = "of parameters and generated samples", DefaultValueFactory = _ => 1 };
    private readonly Option<string?> _arenaFile = new("--arena-file") { Description = "map the host's arena from this file, for tables larger than the memory" };
    private readonly Option<long?> _memoryLimit = new("--memory-limit") { Description = "most bytes of an arena in memory" };
    private readonly Option<string> _mode = new("--mode") { Description = "o0, o1 or o3: how much becomes one section; bits do not depend on it", DefaultValueFactory = _ => "o3" };
    private readonly Option<int> _tile = new("--tile") { Description = "samples of a host tile, 0 to choose; bits do not depend on it" };
    private readonly Option<string> _optimizer = new("--optimizer") { Description = string.Join(", ", Optimizers.Keys), DefaultValueFactory = _ => "sgd" };
    private readonly Option<string> _precision = new("--precision") { Description = "fp32", DefaultValueFactory = _ => "fp32" };
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };

    public void AddTo(Command command)
    {
        command.Add(_model);
        foreach (Option option in new Option[] { _preset, _data, _testData, _cap, _batch, _seed, _arenaFile, _memoryLimit, _mode, _tile, _optimizer, _precision, _json })
        {
            command.Add(option);
        }
    }

    /// <exception cref="RduException">RDU0201, RDU0202: an option has a value that cannot be used.</exception>
    public ModelRequest Read(ParseResult parsed)
    {
        string model = parsed.GetRequiredValue(_model);
        if (model != "dlrm")
        {
            throw new RduException(ErrorCatalogue.NameUnknown, "MODEL", "dlrm", model, "choose one of the models");
        }

        string precision = parsed.GetRequiredValue(_precision);
        if (precision != "fp32")
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--precision", "fp32", precision, "leave the option out");
        }

        DlrmConfiguration configuration = DlrmPresets.Find(parsed.GetRequiredValue(_preset));
        string? data = parsed.GetValue(_data);
        int? cap = parsed.GetValue(_cap) ?? (data is null ? GeneratedTableRowsCap : null);
        if (cap is { } rows)
        {
            configuration = configuration.WithTableRowsCap(rows);
        }

        string optimizer = parsed.GetRequiredValue(_optimizer);
        if (!Optimizers.TryGetValue(optimizer, out OptimizerKind kind))
        {
            throw new RduException(ErrorCatalogue.NameUnknown, "--optimizer", string.Join(", ", Optimizers.Keys), optimizer, "choose one of the optimizers");
        }

        if (kind != OptimizerKind.Sgd)
        {
            configuration = configuration with { LearningRate = AdagradRate };
        }

        if (parsed.GetValue(_batch) is { } batch)
        {
            configuration = configuration with { BatchSamples = Positive("--batch", batch) };
        }

        return new ModelRequest(
            configuration,
            data,
            parsed.GetValue(_testData),
            parsed.GetValue(_batch).HasValue,
            parsed.GetValue(_seed),
            kind,
            ParseMode(parsed.GetRequiredValue(_mode)),
            NotNegative("--tile", parsed.GetValue(_tile)),
            parsed.GetValue(_arenaFile),
            parsed.GetValue(_memoryLimit) ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            parsed.GetValue(_json));
    }

    public static string NameOf(OptimizerKind optimizer) => Optimizers.First(pair => pair.Value == optimizer).Key;

    public static CompileMode ParseMode(string name) => name switch
    {
        "o0" => CompileMode.O0,
        "o1" => CompileMode.O1,
        "o3" => CompileMode.O3,
        _ => throw new RduException(ErrorCatalogue.NameUnknown, "--mode", "o0, o1, o3", name, "choose one of the modes"),
    };

    public static int Positive(string option, int value) => value > 0
        ? value
        : throw new RduException(ErrorCatalogue.OptionInvalid, option, "at least 1", $"{value}", "give a positive number");

    private static int NotNegative(string option, int value) => value >= 0
        ? value
        : throw new RduException(ErrorCatalogue.OptionInvalid, option, "at least 0", $"{value}", "give a positive number, or 0 to choose");
}

/// <summary>What the user asked for, checked.</summary>
internal sealed record ModelRequest(
    DlrmConfiguration Configuration,
    string? Data,
    string? TestData,
    bool BatchGiven,
    int Seed,
    OptimizerKind Optimizer,
    CompileMode Mode,
    int TileSamples,
    string? ArenaFile,
    long MemoryLimitBytes,
    bool Json)
{
    public string OptimizerName => ModelOptions.NameOf(Optimizer);

    public ExecutionTarget Target(string device, int threads) => new(device, threads, Mode, TileSamples, ArenaFile, MemoryLimitBytes);
}
