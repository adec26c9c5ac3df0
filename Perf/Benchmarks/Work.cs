namespace RduEmu.Perf.Benchmarks;

/// <summary>What one call of a benchmark does, to set its time against the machine.</summary>
/// <param name="Operations">Floating-point operations, an FMA counting two.</param>
/// <param name="Bytes">Bytes that it must read and write, each once.</param>
/// <param name="Threads">Threads that do it.</param>
public readonly record struct Work(double Operations, double Bytes, int Threads = 1);

/// <summary>A benchmark that says what it does; known from its parameters alone, before any setup.</summary>
public interface IMeasuredWork
{
    Work Work { get; }
}
