using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Memory;

namespace RduEmu.Emulator.Execution;

/// <summary>The host: a team of workers takes the tiles of each section.</summary>
public sealed unsafe class HostExecutor : Executor
{
    private readonly HostArena _arena;
    private readonly WorkerTeam _team;
    private readonly SectionRunner _runner;
    private readonly bool _ownsArena;

    /// <param name="program">What to run.</param>
    /// <param name="threads">Workers, this thread among them.</param>
    /// <param name="arena">An arena of at least the program's size, which the executor then owns; null for one in memory.</param>
    public HostExecutor(CompiledProgram program, int threads, HostArena? arena = null)
        : base(program)
    {
        _arena = arena ?? new HostArena(program.ArenaBytes);
        _ownsArena = true;
        Fitting(program, _arena.LengthBytes);
        _team = new WorkerTeam(threads);
        _runner = new SectionRunner(_team, _arena, program.ScratchBytes);
        WriteConstants();
    }

    private HostExecutor(HostExecutor owner, CompiledProgram program)
        : base(Fitting(program, owner._arena.LengthBytes))
    {
        _arena = owner._arena;
        _team = owner._team;
        _runner = new SectionRunner(_team, _arena, program.ScratchBytes);
        WriteConstants();
    }

    /// <summary>Scratch of all workers.</summary>
    public long ScratchBytes => _runner.ScratchBytes * _team.Workers;

    /// <inheritdoc cref="SectionRunner.Profile"/>
    public HostProfile? Profile
    {
        get => _runner.Profile;
        set => _runner.Profile = value;
    }

    /// <summary>Where an input lies, for readers that fill it in place.</summary>
    public float* AddressOf(Compiler.Graphs.ValueId value) => (float*)_arena.Start + Program.Operands[value].OffsetElements;

    /// <summary>Fills the workers' scratch, to prove that nothing reads what it did not write.</summary>
    public void PoisonScratch(byte pattern) => _runner.PoisonScratch(pattern);

    /// <summary>Fills the workers' scratch with random words.</summary>
    public void PoisonScratchRandomly(int seed) => _runner.PoisonScratchRandomly(seed);

    /// <inheritdoc cref="SectionRunner.ScrambleTiles"/>
    public void ScrambleTiles(int seed) => _runner.ScrambleTiles(seed);

    public override Executor Share(CompiledProgram program) => new HostExecutor(this, program);

    protected override void Load(Section section) => _runner.Run(section);

    public override void Run()
    {
        for (int section = 0; section < Program.Step.Length; section++)
        {
            MakeExchanges(section);
            _runner.Run(Program.Step[section]);
        }
    }

    protected override void WriteWords(long offsetElements, ReadOnlySpan<int> words) =>
        words.CopyTo(new Span<int>((int*)_arena.Start + offsetElements, words.Length));

    protected override void ReadWords(long offsetElements, Span<int> words) =>
        new ReadOnlySpan<int>((int*)_arena.Start + offsetElements, words.Length).CopyTo(words);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _runner.Dispose();
            if (_ownsArena)
            {
                _team.Dispose();
                _arena.Dispose();
            }
        }
    }
}
