using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Devices.Host;

namespace RduEmu.Emulator.Execution;

/// <summary>The device <c>null</c>: takes everything, computes nothing, and every word reads as zero.</summary>
public sealed class NullExecutor(CompiledProgram program) : Executor(program)
{
    public override Executor Share(CompiledProgram program) => new NullExecutor(program);

    protected override void Load(Section section)
    {
    }

    public override void Run()
    {
    }

    protected override void WriteWords(long offsetElements, ReadOnlySpan<int> words)
    {
    }

    protected override void ReadWords(long offsetElements, Span<int> words) => words.Clear();

    protected override void Dispose(bool disposing)
    {
    }
}
