using System.CommandLine;
using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Fusion;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.Machine.Simulation;
using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.CommandLine;

/// <summary>The options that say on which machine a model is placed and timed.</summary>
internal sealed class MachineOptions
{
    private static readonly Dictionary<string, int> Storages = new() { ["bf16"] = 2, ["fp32"] = 4 };

    private readonly Option<string> _target = new("--target") { Description = $"{string.Join(", ", RduParts.Names)}, or a description of your own ending in .json", DefaultValueFactory = _ => RduParts.Default };
    private readonly Option<int?> _tiles = new("--tiles") { Description = "tiles of an RDU that the program gets; left out: all" };
    private readonly Option<int> _sockets = new("--sockets") { Description = "RDUs", DefaultValueFactory = _ => 1 };
    private readonly Option<string> _parallel = new("--parallel") { Description = "what they share: data (the batch), tensor (weights, tables), pipeline (layers), spatial (tiles of images)", DefaultValueFactory = _ => "data" };
    private readonly Option<int> _microbatches = new("--microbatches") { Description = "equal parts of the batch that follow each other through a pipeline", DefaultValueFactory = _ => 1 };
    private readonly Option<string> _storage = new("--storage") { Description = $"{string.Join(", ", Storages.Keys)}: how the modelled machine stores activations and weights", DefaultValueFactory = _ => "bf16" };
    private readonly Option<int> _placementSeed = new("--placement-seed") { Description = "of the annealing; bits of results do not depend on it", DefaultValueFactory = _ => 1 };
    private readonly Option<bool> _inference = new("--inference") { Description = "the prediction alone instead of a training step" };

    private readonly Option<string?> _executable = new(ExecutableFile.OptionName) { Description = "an executable that was compiled for the machine; what COMMAND NAME.rdux gives", Hidden = true };

    public IReadOnlyList<Option> All => [_target, _tiles, _sockets, _parallel, _microbatches, _storage, _placementSeed, _inference, _executable];

    /// <exception cref="RduException">RDU0201, RDU0202, RDU0601.</exception>
    public MachineRequest Read(ParseResult parsed)
    {
        string? path = parsed.GetValue(_executable);
        Executable? executable = path is null ? null : ExecutableFile.Read(path);
        bool isStored = executable?.Machine.Length > 0 && parsed.GetResult(_target) is null or { Implicit: true };
        RduSpec spec = isStored ? RduSpecReader.Read(executable!.Machine.ToArray(), path!) : RduParts.Find(parsed.GetRequiredValue(_target));
        int tiles = parsed.GetValue(_tiles) ?? (int)spec.Chip.Tiles;
        if (tiles < 1 || tiles > spec.Chip.Tiles)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--tiles", $"1 to {spec.Chip.Tiles}", $"{tiles}", $"an RDU of {spec.Name} has {spec.Chip.Tiles} tiles");
        }

        int sockets = CommonOptions.Positive("--sockets", parsed.GetRequiredValue(_sockets));
        if (sockets > spec.Node.Sockets * spec.Node.Nodes)
        {
            throw new RduException(
                ErrorCatalogue.OptionInvalid, "--sockets", $"at most {spec.Node.Sockets * spec.Node.Nodes}", $"{sockets}", $"{spec.Name} has {spec.Node.Nodes} nodes of {spec.Node.Sockets} RDUs");
        }

        string storage = parsed.GetRequiredValue(_storage);
        if (!Storages.TryGetValue(storage, out int bytes))
        {
            throw new RduException(ErrorCatalogue.NameUnknown, "--storage", string.Join(", ", Storages.Keys), storage, "choose one of them");
        }

        return new MachineRequest(spec, tiles, sockets, bytes, parsed.GetRequiredValue(_placementSeed), parsed.GetValue(_inference), executable)
        {
            Parallel = CommonOptions.Parallel("--parallel", parsed.GetRequiredValue(_parallel)),
            Microbatches = CommonOptions.Positive("--microbatches", parsed.GetRequiredValue(_microbatches)),
        };
    }
}

/// <summary>The machine that the user asked for, checked.</summary>
/// <param name="Executable">The file that stands in the place of the model, or null.</param>
internal sealed record MachineRequest(
    RduSpec Spec, int Tiles, int Sockets, int ElementBytes, int PlacementSeed, bool IsInference, Executable? Executable)
{
    /// <summary>What the RDUs share.</summary>
    public ParallelKind Parallel { get; init; }

    public int Microbatches { get; init; } = 1;

    /// <summary>Threads that simulate sections; no cycle depends on them.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    public RduResources Resources => Spec.Resources(Tiles);

    public PlacementOptions Options(CompileMode mode) => new(mode, 0, PlacementSeed, ElementBytes)
    {
        Rules = Executable?.Program.Options.Rules ?? FusionRules.Default,
    };

    /// <summary>The file's program where the machine and the options are still those that it was compiled for and with.</summary>
    public PlacedProgram? Stored(CompileMode mode, int samples) =>
        Executable is { } file && file.Program.Resources == Resources && file.Program.Options == Options(mode) && file.Program.Graph.Samples == samples
            && IsInference == (file.Graph.Updates.Count == 0) ? file.Program : null;

    /// <summary>Places a graph, which computes one socket's share of the batch.</summary>
    public PlacedProgram Place(Graph graph, CompileMode mode, Action<int, int>? progress, CancellationToken cancellation) => PlacementCompiler.Compile(
        graph, Resources, Options(mode), progress, cancellation);

    /// <summary>A model's graph shared by the RDUs, or null where each computes the graph of its own part of the batch.</summary>
    /// <exception cref="RduException">RDU0201: it cannot be shared so.</exception>
    public SharedWork? Share(ModelGraph graph) => Sockets == 1 || Parallel == ParallelKind.Data
        ? null
        : SharedWork.Of(graph, new BatchSplit(Sockets, Microbatches, Parallel), checked((int)Spec.Node.Sockets));

    public ProgramTiming Time(PlacedProgram program, CancellationToken cancellation) => new ProgramSimulator(Spec, program, Sockets) { Threads = Threads }.Run(cancellation);
}
