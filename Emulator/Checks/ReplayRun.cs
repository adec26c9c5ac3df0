using System.Text.Json.Serialization;
using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Execution;

namespace RduEmu.Emulator.Checks;

/// <summary>Which of the two results a replayed stage came to.</summary>
public enum Reproduces
{
    First,
    Second,
    Neither,
}

/// <summary>A stage that was run again.</summary>
/// <param name="Device">Where.</param>
/// <param name="Result">What it came to.</param>
/// <param name="Element">The element in which it differs from the side it does not reproduce, from the first where from both.</param>
/// <param name="Bits">What it has there.</param>
public sealed record ReplayRun(string Device, [property: JsonConverter(typeof(JsonStringEnumConverter<Reproduces>))] Reproduces Result, long Element, string Bits)
{
    /// <summary>The device that is no device: every unit's plain loops, which are the definition.</summary>
    public const string Interpreter = "interpreter";

    /// <summary>Runs the stage.</summary>
    /// <param name="replay">The stage.</param>
    /// <param name="target">Where; of the device <see cref="Interpreter"/> only the mode counts.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU03xx: the device is not there.</exception>
    public static ReplayRun Of(StageReplay replay, ExecutionTarget target)
    {
        using Executor executor = target.Device == Interpreter
            ? new InterpreterExecutor(GraphCompiler.Compile(replay.Graph, new CompileOptions(target.Mode, 1, Materialize: true)))
            : target.Create(target.Compile(replay.Graph));
        foreach ((ValueId value, HostTensor tensor) in replay.Given)
        {
            executor.Write(value, tensor);
        }

        executor.Load();
        executor.Run();
        HostTensor result = executor.Read(replay.Target);
        int[] words = result.ToWords();
        long? first = FirstUnequal(replay, words, replay.First.Result);
        long? second = FirstUnequal(replay, words, replay.Second.Result);
        long word = first ?? second ?? 0;
        Reproduces reproduces = first is null ? Reproduces.First : second is null ? Reproduces.Second : Reproduces.Neither;
        int[] side = (first is null ? replay.Second : replay.First).Result.ToWords();
        long element = words.Length > 0 ? BitsOf.Element(result.Type, word, words[(int)word], side[(int)word]) : 0;
        return new ReplayRun(target.Device, reproduces, element, words.Length > 0 ? $"0x{words[(int)word]:X8}" : "none");
    }

    private static long? FirstUnequal(StageReplay replay, int[] words, HostTensor side)
    {
        TensorType type = side.Type;
        int rows = replay.Graph[replay.Target].Type.Rank < 2 && !replay.Graph[replay.Target].Type.HasSamples ? 1 : Math.Max(1, type.Rank == 0 ? 1 : type.Shape[0]);
        return BitsOf.FirstUnequal(type.Element, words, side.ToWords(), words.Length / rows, replay.FirstWord, replay.CountWords);
    }
}
