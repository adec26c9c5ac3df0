using System.Globalization;

namespace RduEmu.Emulator.Robustness;

/// <summary>What a fuzzing worker is told to do wrong, to show that the process that watches it notices.</summary>
public enum FuzzInjection
{
    None,

    /// <summary>The run never ends.</summary>
    Hang,

    /// <summary>The process ends in the middle of the run.</summary>
    Crash,

    /// <summary>The run takes a gigabyte.</summary>
    Memory,

    /// <summary>The run ends in an exception that is no error line.</summary>
    Fault,
}

/// <summary>
/// The process that breaks and imports models, one after the other, and writes a line for each: run, outcome, processor time in
/// microseconds, memory, and a fault if there was one. If a run takes it down, the one that reads the lines knows which.
/// </summary>
public sealed class FuzzWorker(FuzzModels models, TextWriter output)
{
    /// <summary>Memory that may lie about before it is counted anew.</summary>
    private const long RecountBytes = 64L << 20;

    /// <param name="first">Number of the first run.</param>
    /// <param name="runs">How many.</param>
    /// <param name="injection">What to do wrong.</param>
    /// <param name="injectAt">Number of the run that does.</param>
    public void Run(long first, long runs, FuzzInjection injection = FuzzInjection.None, long injectAt = -1, CancellationToken cancellation = default)
    {
        using var load = new ProcessLoad();
        for (long run = first; run < first + runs && !cancellation.IsCancellationRequested; run++)
        {
            (_, byte[] model) = models.Make(run);
            TimeSpan before = Environment.CpuUsage.TotalTime;
            (string code, string? fault) = run == injectAt && injection != FuzzInjection.None ? Inject(injection) : ImportTrial.Try(model);
            double microseconds = (Environment.CpuUsage.TotalTime - before).TotalMicroseconds;
            long bytes = load.Growth;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{run}\t{code}\t{microseconds:F0}\t{bytes}\t{fault}"));
            if (bytes > RecountBytes)
            {
                load.Reset();
            }
        }
    }

    private static (string Code, string? Fault) Inject(FuzzInjection injection)
    {
        const int gigabyte = 1 << 30;
        switch (injection)
        {
            case FuzzInjection.Hang:
                while (true)
                {
                    Thread.SpinWait(1 << 20);
                }

            case FuzzInjection.Crash:
                Environment.FailFast("injected");
                return default;
            case FuzzInjection.Memory:
                var bytes = new byte[gigabyte];
                Array.Fill(bytes, (byte)1);
                GC.KeepAlive(bytes);
                return (ImportTrial.Accepted, null);
            default:
                return ("fault", "InvalidOperationException: injected");
        }
    }
}
