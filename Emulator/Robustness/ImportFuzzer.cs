using System.Diagnostics;
using System.Globalization;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Onnx;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Robustness;

/// <summary>What came of many broken models.</summary>
/// <param name="Runs">How many there were.</param>
/// <param name="Accepted">Those that could be compiled all the same.</param>
/// <param name="Refused">Those that were refused, by error id.</param>
/// <param name="SlowestMilliseconds">The longest that one took.</param>
/// <param name="MostAllocatedBytes">The most that one allocated in all.</param>
/// <param name="Findings">What must not be: any other exception, more than a line, too slow, too much memory.</param>
public sealed record FuzzReport(
    long Runs, long Accepted, IReadOnlyDictionary<string, long> Refused, long SlowestMilliseconds, long MostAllocatedBytes, IReadOnlyList<FuzzFinding> Findings);

/// <param name="Run">Number of the run: with the seed it makes the same model again.</param>
/// <param name="File">The model that was broken.</param>
/// <param name="What">What happened.</param>
/// <param name="Model">The broken model.</param>
public sealed record FuzzFinding(long Run, string File, string What, byte[] Model);

/// <summary>
/// Reads, imports and compiles broken models (<see cref="OnnxMutation"/>). Each must be compiled or refused by one error line, in five
/// seconds, with at most four times the file and 256 MB of memory. Open extents are bound to small numbers.
/// </summary>
public sealed class ImportFuzzer(IReadOnlyList<string> files, int seed)
{
    public const int MostMilliseconds = 5000;

    private const long MemoryBytes = 256L << 20;
    private const int MemoryPerFileByte = 4;
    private const int MostFindings = 20;

    private readonly byte[][] _models = [.. files.Select(File.ReadAllBytes)];
    private readonly Dictionary<string, long> _refused = [];
    private readonly List<FuzzFinding> _findings = [];
    private long _accepted;
    private long _slowest;
    private long _mostBytes;

    /// <param name="runs">How many models to break.</param>
    /// <param name="progress">Called after each.</param>
    /// <param name="first">Number of the first run: a finding is made again by its number.</param>
    public FuzzReport Run(long runs, Action<long>? progress = null, long first = 0, CancellationToken cancellation = default)
    {
        long run = first;
        for (; run < first + runs && _findings.Count < MostFindings; run++)
        {
            cancellation.ThrowIfCancellationRequested();

            // A generator of its own for each run, so that one can be made again without the others.
            var random = new Random(HashOf(seed, run));
            int which = random.Next(_models.Length);
            Try(run, files[which], OnnxMutation.Mutate(_models[which], random));
            progress?.Invoke(run + 1 - first);
        }

        return new FuzzReport(run - first, _accepted, _refused, _slowest, _mostBytes, _findings);
    }

    private void Try(long run, string file, byte[] model)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        try
        {
            OnnxFile opened = OnnxFile.Read(new MemoryStream(model, writable: false), "model.onnx");
            OnnxModel imported = opened.ImportFor(new Dictionary<string, HostTensor>(), Bound(opened));
            GraphCompiler.Compile(imported.Graph, new CompileOptions());
            _accepted++;
        }
        catch (RduException error) when (!error.Message.Contains('\n', StringComparison.Ordinal) && error.Id.Exit == ExitCode.BadInput)
        {
            _refused[error.Id.Code] = _refused.GetValueOrDefault(error.Id.Code) + 1;
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            string at = error.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains("RduEmu", StringComparison.Ordinal))?.Trim() ?? string.Empty;
            _findings.Add(new FuzzFinding(run, file, $"{error.GetType().Name}: {error.Message.ReplaceLineEndings(" ")} {at}", model));
        }

        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        _slowest = Math.Max(_slowest, watch.ElapsedMilliseconds);
        _mostBytes = Math.Max(_mostBytes, bytes);
        if (watch.ElapsedMilliseconds > MostMilliseconds)
        {
            _findings.Add(new FuzzFinding(run, file, $"took {watch.ElapsedMilliseconds} ms", model));
        }

        if (bytes > MemoryPerFileByte * (long)model.Length + MemoryBytes)
        {
            _findings.Add(new FuzzFinding(run, file, $"allocated {bytes} bytes", model));
        }
    }

    private static Dictionary<string, int[]> Bound(OnnxFile file)
    {
        const int open = 2;
        var shapes = new Dictionary<string, int[]>();
        foreach (OnnxInput input in file.Inputs)
        {
            if (input.Dimensions?.Any(dimension => !long.TryParse(dimension, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)) == true)
            {
                shapes[input.Name] = [.. input.Dimensions.Select(dimension => int.TryParse(dimension, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int extent) ? extent : open)];
            }
        }

        return shapes;
    }

    private static int HashOf(int seed, long run) => unchecked((int)(((ulong)run * 0x9E3779B97F4A7C15UL + (uint)seed) >> 29));
}
