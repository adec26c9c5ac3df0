using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;

namespace RduEmu.Emulator.Execution;

/// <summary>The definition: every unit's plain loops, one after the other. The program must be compiled with every value in the arena.</summary>
public sealed unsafe class InterpreterExecutor : Executor
{
    private readonly HostArena _arena;
    private readonly bool _ownsArena;

    /// <param name="program">What to run.</param>
    /// <param name="arenaBytes">Size of the arena if other programs will share it.</param>
    public InterpreterExecutor(CompiledProgram program, long arenaBytes = 0)
        : base(program)
    {
        _arena = new HostArena(Math.Max(arenaBytes, program.ArenaBytes));
        _ownsArena = true;
        WriteConstants();
    }

    private InterpreterExecutor(InterpreterExecutor owner, CompiledProgram program)
        : base(Fitting(program, owner._arena.LengthBytes))
    {
        _arena = owner._arena;
        WriteConstants();
    }

    public override Executor Share(CompiledProgram program) => new InterpreterExecutor(this, program);

    protected override void Load(Section section) => Interpret(section);

    public override void Run()
    {
        for (int section = 0; section < Program.Step.Length; section++)
        {
            MakeExchanges(section);
            Interpret(Program.Step[section]);
        }
    }

    protected override void WriteWords(long offsetElements, ReadOnlySpan<int> words) =>
        words.CopyTo(new Span<int>((int*)_arena.Start + offsetElements, words.Length));

    protected override void ReadWords(long offsetElements, Span<int> words) =>
        new ReadOnlySpan<int>((int*)_arena.Start + offsetElements, words.Length).CopyTo(words);

    protected override void Dispose(bool disposing)
    {
        if (disposing && _ownsArena)
        {
            _arena.Dispose();
        }
    }

    private void Interpret(Section section)
    {
        var memory = new InterpreterMemory(_arena.Start, _arena.LengthBytes);
        foreach (Pipeline pipeline in section.Pipelines)
        {
            foreach (ConfiguredUnit unit in pipeline.Units)
            {
                unit.Interpret(memory, pipeline.Items);
            }
        }
    }
}
