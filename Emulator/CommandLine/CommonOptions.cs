using System.CommandLine;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.CommandLine.Families;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.CommandLine;

/// <summary>The options that every model has in run, train and check.</summary>
internal sealed class CommonOptions
{
    private readonly IModelFamily _family;
    private readonly PrecisionOptions _precision;
    private readonly Option<int?> _batch = new("--batch") { Description = "samples of a step; left out: the preset's" };
    private readonly Option<int> _seed = new("--seed") { Description = "of parameters and generated samples", DefaultValueFactory = _ => 1 };
    private readonly Option<string?> _arenaFile = new("--arena-file") { Description = "map the host's arena from this file, for tables larger than the memory" };
    private readonly Option<long?> _memoryLimit = new("--memory-limit") { Description = "most bytes of an arena in memory" };
    private readonly Option<string> _mode = new("--mode") { Description = "o0, o1 or o3: how much becomes one section; bits do not depend on it", DefaultValueFactory = _ => "o3" };
    private readonly Option<int> _tile = new("--tile") { Description = "samples of a host tile, 0 to choose; bits do not depend on it" };
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };

    public CommonOptions(IModelFamily family)
    {
        _family = family;
        _precision = new PrecisionOptions(family);
    }

    public IReadOnlyList<Option> All => [_batch, _seed, _arenaFile, _memoryLimit, _mode, _tile, .. _precision.All, _json];

    /// <exception cref="RduException">RDU0201, RDU0202: an option has a value that cannot be used.</exception>
    public ModelRequest Read(ParseResult parsed)
    {
        var common = new CommonChoices(
            parsed.GetValue(_batch) is { } batch ? Positive("--batch", batch) : null,
            parsed.GetValue(_seed),
            ParseMode(parsed.GetRequiredValue(_mode)),
            NotNegative("--tile", parsed.GetValue(_tile)),
            parsed.GetValue(_arenaFile),
            parsed.GetValue(_memoryLimit) ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            parsed.GetValue(_json));
        ModelChoice choice = _family.Read(parsed, common);
        return new ModelRequest(_precision.Apply(parsed, choice.Model, common.Seed), choice.OpenData, common);
    }

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

    public static int AtLeast(string option, int value, int least) => value >= least
        ? value
        : throw new RduException(ErrorCatalogue.OptionInvalid, option, $"at least {least}", $"{value}", "give a larger number");

    /// <summary>RDUs of one node, or of two.</summary>
    public static int Sockets(string option, int value) => value is 1 or 2 or 4 or 8 or 16
        ? value
        : throw new RduException(ErrorCatalogue.OptionInvalid, option, "1, 2, 4, 8 or 16", $"{value}", "give one of these");

    public static ParallelKind Parallel(string option, string name) => name switch
    {
        "data" => ParallelKind.Data,
        "tensor" => ParallelKind.Tensor,
        "pipeline" => ParallelKind.Pipeline,
        "spatial" => ParallelKind.Spatial,
        _ => throw new RduException(ErrorCatalogue.NameUnknown, option, "data, tensor, pipeline, spatial", name, "choose one of these"),
    };

    public static int NotNegative(string option, int value) => value >= 0
        ? value
        : throw new RduException(ErrorCatalogue.OptionInvalid, option, "at least 0", $"{value}", "give a positive number, or 0 to leave it to the program");
}

/// <summary>What the user said by the common options, checked.</summary>
internal sealed record CommonChoices(
    int? BatchSamples,
    int Seed,
    CompileMode Mode,
    int TileSamples,
    string? ArenaFile,
    long MemoryLimitBytes,
    bool Json);

/// <summary>What the user asked for, checked.</summary>
internal sealed record ModelRequest(IModel Model, Func<IModelData> OpenData, CommonChoices Common)
{
    public int Seed => Common.Seed;

    public bool Json => Common.Json;

    public ExecutionTarget Target(string device, int threads) =>
        new(device, threads, Common.Mode, Common.TileSamples, Common.ArenaFile, Common.MemoryLimitBytes);
}
