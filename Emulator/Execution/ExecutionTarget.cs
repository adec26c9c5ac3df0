using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates.Probe;

namespace RduEmu.Emulator.Execution;

/// <summary>Where and how graphs are run; bits do not depend on it.</summary>
/// <param name="Device"><c>host</c>, <c>ilgpu</c>, <c>cuda[:n]</c>, <c>opencl[:n]</c> or <c>null</c>.</param>
/// <param name="Threads">Workers on the host.</param>
/// <param name="Mode">How much becomes one section.</param>
/// <param name="TileSamples">Samples of a tile on the host, or 0 to choose.</param>
/// <param name="ArenaFile">A file to map the host's arena from, or null for memory.</param>
/// <param name="MemoryLimitBytes">The most that an arena in memory may take.</param>
public sealed record ExecutionTarget(
    string Device, int Threads, CompileMode Mode = CompileMode.O3, int TileSamples = 0, string? ArenaFile = null, long MemoryLimitBytes = long.MaxValue)
{
    /// <summary>Makes a probe for every value that a stage writes; null for none.</summary>
    public Func<ProbePoint, IProbe>? Probe { get; init; }

    /// <summary>Compiles the graph for this target.</summary>
    /// <param name="graph">What to compile.</param>
    /// <param name="over">The program whose arena it shares, if any.</param>
    /// <param name="packsOnWrite">As <see cref="CompileOptions.PacksOnWrite"/>.</param>
    public CompiledProgram Compile(Graph graph, CompiledProgram? over = null, bool packsOnWrite = false) => GraphCompiler.Compile(
        graph, new CompileOptions(Mode, Threads, Materialize: Device is not ("host" or "null"), TileSamples) { Probe = Probe, PacksOnWrite = packsOnWrite }, over);

    /// <summary>An executor on the device, in an arena that has room for both.</summary>
    /// <param name="program">What to run.</param>
    /// <param name="largest">The last program compiled over it, or null if there is none.</param>
    /// <exception cref="RduException">RDU0301, RDU0302: no such device. RDU0303: the arena exceeds the limit. RDU0501: the arena file cannot be made.</exception>
    public Executor Create(CompiledProgram program, CompiledProgram? largest = null)
    {
        long arenaBytes = Math.Max(program.ArenaBytes, largest?.ArenaBytes ?? 0);
        string device = DeviceCatalogue.Find(Device).Name;
        switch (device)
        {
            case "host":
                return new HostExecutor(
                    program, Threads, ArenaFile is null ? new HostArena(arenaBytes, MemoryLimitBytes) : new HostArena(arenaBytes, ArenaFile));
            case "null":
                return new NullExecutor(program);
            default:
                RequireNoFile(device);
                return new DeviceExecutor(program, device, arenaBytes);
        }
    }

    private void RequireNoFile(string device)
    {
        if (ArenaFile is not null)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--arena-file", "the device host", device, "leave the option out, or use --device host");
        }
    }
}
