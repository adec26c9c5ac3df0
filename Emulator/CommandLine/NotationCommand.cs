using System.CommandLine;
using System.Diagnostics;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Notation;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu notation</c>: compiles operators in index notation and runs them on generated tensors.</summary>
internal sealed class NotationCommand
{
    private const int WarmUpRuns = 3;

    /// <summary>Generated positions lie below it.</summary>
    private const int PositionLimit = 8;

    private readonly Argument<string> _file = new("FILE") { Description = "declarations (input x[64, 128]) and statements (y[b,i] = sum(k) x[b,k] * w[i,k])" };
    private readonly DeviceOptions _device = new();
    private readonly Option<int> _steps = new("--steps") { Description = "runs that are timed", DefaultValueFactory = _ => 20 };
    private readonly Option<int> _seed = new("--seed") { Description = "of the generated tensors", DefaultValueFactory = _ => 1 };
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object on stdout, everything else on stderr" };

    public static Command Create()
    {
        var notation = new NotationCommand();
        Command command = new("notation", "compiles operators in tensor index notation and runs them on generated tensors");
        command.Add(notation._file);
        foreach (Option option in notation._device.All)
        {
            command.Add(option);
        }

        command.Add(notation._steps);
        command.Add(notation._seed);
        command.Add(notation._json);
        command.SetAction(notation.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        string file = parsed.GetRequiredValue(_file);
        (string device, int threads) = _device.Read(parsed);
        int steps = CommonOptions.Positive("--steps", parsed.GetRequiredValue(_steps));
        bool json = parsed.GetValue(_json);
        var target = new ExecutionTarget(device, threads);
        Graph graph = NotationProgram.Parse(InputFile.ReadText(file), file).Build();
        CompiledProgram program = target.Compile(graph);
        using Executor executor = target.Create(program);
        int stream = 0;
        foreach (Value value in graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
        {
            executor.Write(value.Id, Generate(value.Type, parsed.GetRequiredValue(_seed), stream++));
        }

        executor.Load();
        using var interruption = new Interruption();
        var microseconds = new double[steps];
        for (int step = -WarmUpRuns; step < steps; step++)
        {
            interruption.Token.ThrowIfCancellationRequested();
            long begin = Stopwatch.GetTimestamp();
            executor.Run();
            if (step >= 0)
            {
                microseconds[step] = Stopwatch.GetElapsedTime(begin).TotalMicroseconds;
            }
        }

        Array.Sort(microseconds);
        double median = microseconds[steps / 2];
        double p99 = microseconds[Math.Min(steps - 1, steps * 99 / 100)];
        TensorType type = graph[graph.Outputs[0]].Type;
        string digest = DigestOf(executor.Read(graph.Outputs[0]));
        if (json)
        {
            Output.WriteJson(new
            {
                Model = file,
                Device = device,
                Threads = threads,
                Output = type.ToString(),
                Sections = program.Step.Length,
                LatencyMicroseconds = new { Median = median, P99 = p99 },
                OutputsDigest = digest,
            });
        }
        else
        {
            new Output(json).WriteFacts(
                ("output", type.ToString()), ("sections", $"{program.Step.Length}"), ("median", $"{Output.Number(median, 1)} us"), ("p99", $"{Output.Number(p99, 1)} us"), ("digest", digest));
        }

        return (int)ExitCode.Done;
    }

    private static string DigestOf(HostTensor tensor)
    {
        using var digest = new Digest();
        digest.Begin("output", [.. tensor.Shape]);
        int[] words = tensor.ToWords();
        if (tensor.Element.IsFloat() && tensor.Element.WordsPerElement() == 1)
        {
            digest.Append([.. words.Select(BitConverter.Int32BitsToSingle)]);
        }
        else
        {
            digest.Append(words);
        }

        return digest.ToString();
    }

    /// <summary>Floats in [-1, 1), integers from 0 on, below <see cref="PositionLimit"/>; the same for a seed everywhere.</summary>
    internal static HostTensor Generate(TensorType type, int seed, int stream)
    {
        var words = new int[checked((int)type.CountWords)];
        int wordsPerElement = type.Element.WordsPerElement();
        for (int i = 0; i < words.Length / wordsPerElement; i++)
        {
            int c0 = i;
            int c1 = 0;
            int c2 = 0;
            int c3 = 0;
            Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, seed, stream);
            float uniform = Exact.Fma(Philox.Uniform<ScalarLane, float, int>(c0), 2f, -1f);
            if (type.Element == ElementType.Float64)
            {
                long bits = BitConverter.DoubleToInt64Bits(uniform);
                (words[2 * i], words[2 * i + 1]) = ((int)bits, (int)(bits >> 32));
            }
            else
            {
                words[i * wordsPerElement] = type.Element switch
                {
                    ElementType.Float32 => BitConverter.SingleToInt32Bits(uniform),
                    ElementType.Float16 => BitConverter.SingleToInt32Bits((float)(Half)uniform),
                    ElementType.BFloat16 => BitConverter.SingleToInt32Bits(BFloat16.NearestEven<ScalarLane, float, int>(uniform)),
                    ElementType.Bool => (int)((uint)c0 >> 31),
                    _ => (int)((uint)c0 % PositionLimit),
                };
            }
        }

        return HostTensor.FromWords(type, words);
    }
}
