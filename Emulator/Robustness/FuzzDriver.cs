using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Threading.Channels;

namespace RduEmu.Emulator.Robustness;

/// <summary>
/// Has broken models imported by other processes and watches them: a run that takes more than five seconds of processor time or more
/// memory than it may is ended with its process, as is one that ends the process by itself; it is noted, and a new process goes on behind it.
/// </summary>
/// <param name="path">A model, or a folder with models: what a worker process is given.</param>
/// <param name="files">The models in it.</param>
/// <param name="seed">The same seed breaks them in the same ways.</param>
public sealed class FuzzDriver(string path, IReadOnlyList<string> files, int seed)
{
    private const int MostFindings = 100;

    /// <summary>Runs of one process: what a process keeps for good (compiled code) is then never much.</summary>
    private const long RunsOfProcess = 100_000;
    private const int LookMilliseconds = 250;

    /// <summary>A process that waits for so long is ended all the same: for minutes it may only be that others have the machine.</summary>
    private const double MostWaitMilliseconds = 900_000;

    private readonly FuzzModels _models = new(files, seed);
    private readonly FuzzTally _tally = new();

    /// <summary>Done wrong by the worker that has the run, to show that it is noticed.</summary>
    public (FuzzInjection What, long Run) Injection { get; init; } = (FuzzInjection.None, -1);

    /// <param name="runs">How many models to break.</param>
    /// <param name="progress">Called now and then with how many are done.</param>
    /// <param name="first">Number of the first run: a finding is made again by its number.</param>
    /// <returns>What came of the runs; of those until then, if they were stopped.</returns>
    public async Task<FuzzReport> RunAsync(long runs, Action<long>? progress = null, long first = 0, CancellationToken cancellation = default)
    {
        long next = first;
        while (next < first + runs && _tally.Findings < MostFindings && !cancellation.IsCancellationRequested)
        {
            next = await RunProcessAsync(next, Math.Min(RunsOfProcess, first + runs - next), done => progress?.Invoke(done - first), cancellation).ConfigureAwait(false);
        }

        return _tally.Report(next);
    }

    /// <returns>Number of the run to go on with.</returns>
    private async Task<long> RunProcessAsync(long first, long runs, Action<long> progress, CancellationToken cancellation)
    {
        using Process process = Start(first, runs);
        var lines = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });
        string? lastWords = null;
        process.ErrorDataReceived += (_, line) => lastWords ??= string.IsNullOrWhiteSpace(line.Data) ? null : line.Data;
        process.BeginErrorReadLine();
        Task reading = ReadAsync(process.StandardOutput, lines.Writer);
        long current = first;
        try
        {
            var waited = Stopwatch.StartNew();
            TimeSpan processorAtStart = TimeSpan.Zero;
            long looked = -1;
            while (true)
            {
                bool isOpen = await WaitAsync(lines.Reader, cancellation).ConfigureAwait(false);
                while (lines.Reader.TryRead(out string? line))
                {
                    current = Take(line) + 1;
                    progress(current);
                }

                if (!isOpen)
                {
                    break;
                }

                if (looked != current)
                {
                    (looked, processorAtStart) = (current, ProcessorTime(process));
                    waited.Restart();
                }
                else if (current < first + runs && Excess(process, ProcessorTime(process) - processorAtStart, waited) is { } excess)
                {
                    process.Kill(entireProcessTree: true);
                    Note(current, "ended", excess);
                    return current + 1;
                }
            }

            await reading.ConfigureAwait(false);
            await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
            if (current < first + runs && !cancellation.IsCancellationRequested)
            {
                Note(current, "crash", $"the process ended with {process.ExitCode}: {lastWords ?? "nothing on stderr"}");
                return current + 1;
            }

            return current;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return current;
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private static async Task ReadAsync(StreamReader reader, ChannelWriter<string> lines)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            await lines.WriteAsync(line).ConfigureAwait(false);
        }

        lines.Complete();
    }

    /// <returns>False when no line will come any more; true when there is one, or it is time to look at the process.</returns>
    private static async Task<bool> WaitAsync(ChannelReader<string> lines, CancellationToken cancellation)
    {
        using var look = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        look.CancelAfter(LookMilliseconds);
        try
        {
            return await lines.WaitToReadAsync(look.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return true;
        }
    }

    /// <summary>What is too much about the run that the process is at; null if nothing is.</summary>
    private static string? Excess(Process process, TimeSpan processor, Stopwatch waited)
    {
        process.Refresh();
        return process.HasExited ? null
            : processor.TotalMilliseconds > FuzzLimits.MostMilliseconds ? "took more than 5 s of processor time, without an end"
            : waited.ElapsedMilliseconds > MostWaitMilliseconds ? "took more than 900 s, nearly all of it waiting"
            : null;
    }

    private static TimeSpan ProcessorTime(Process process)
    {
        process.Refresh();
        return process.HasExited ? TimeSpan.Zero : process.TotalProcessorTime;
    }

    private long Take(string line)
    {
        string[] fields = line.Split('\t', 5);
        long run = long.Parse(fields[0], CultureInfo.InvariantCulture);
        double milliseconds = double.Parse(fields[2], CultureInfo.InvariantCulture) / 1000;
        long bytes = long.Parse(fields[3], CultureInfo.InvariantCulture);
        _tally.Add(fields[1], milliseconds, bytes);
        if (fields[4].Length > 0)
        {
            Note(run, null, fields[4]);
        }

        if (milliseconds > FuzzLimits.MostMilliseconds)
        {
            Note(run, null, $"took {milliseconds:F0} ms of processor time");
        }

        // The exact limit needs the model: made again only where the memory is near it.
        if (bytes > FuzzLimits.MostBytes(0) && bytes > FuzzLimits.MostBytes(_models.Make(run).Model.Length))
        {
            Note(run, null, $"took {bytes} bytes of memory");
        }

        return run;
    }

    private void Note(long run, string? code, string what)
    {
        if (code is not null)
        {
            _tally.Add(code, 0, 0);
        }

        _tally.AddFinding(run, _models.Make(run).File, what);
    }

    /// <summary>This product once more, as a worker.</summary>
    private Process Start(long first, long runs)
    {
        string assembly = Assembly.GetExecutingAssembly().Location;
        string self = Environment.ProcessPath ?? "dotnet";
        bool isHosted = assembly.Length > 0 && Path.GetFileNameWithoutExtension(self) != Path.GetFileNameWithoutExtension(assembly);
        string dotnet = Path.GetFileNameWithoutExtension(self) == "dotnet" ? self : "dotnet";
        var start = new ProcessStartInfo(isHosted ? dotnet : self)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        string[] arguments =
        [
            .. isHosted ? [assembly] : Array.Empty<string>(),
            "fuzz", path, "--worker", "--seed", Text(seed), "--first", Text(first), "--runs", Text(runs),
            .. Injection.What == FuzzInjection.None ? Array.Empty<string>() : ["--inject", $"{Injection.What}:{Text(Injection.Run)}"],
        ];
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // Memory that is let go shall be given back, so that what is measured is what the run takes.
        start.Environment["DOTNET_gcConcurrent"] = "0";
        start.Environment["DOTNET_GCConserveMemory"] = "5";
        return Process.Start(start) ?? throw new InvalidOperationException("no process was started");
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
