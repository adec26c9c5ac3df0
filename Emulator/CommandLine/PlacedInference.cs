using System.Runtime.InteropServices;
using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Graphs;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Training;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.CommandLine;

/// <summary>
/// An executable's program run as it is placed: section after section, each with what it loads and nothing else. Its predictions must be
/// those of the program that the host runs as a whole, bit for bit.
/// </summary>
internal static class PlacedInference
{
    /// <summary>Runs one batch both ways.</summary>
    /// <param name="executable">Of an inference of as many samples as the batch has.</param>
    /// <param name="session">With the parameters.</param>
    /// <returns>The sections that were run.</returns>
    /// <exception cref="RduException">RDU0616: a bit differs.</exception>
    public static int Compare(Executable executable, ModelSession session, Batch batch, int threads)
    {
        Graph graph = executable.Graph;
        using var placed = new PlacedRun(graph, executable.Program, threads);
        var parameters = session.Parameters.ToDictionary(id => session.Program.Graph[id].Name);
        foreach (Value value in graph.Values)
        {
            if (value.Role == ValueRole.Parameter && value.Constant is null)
            {
                placed.Write(value.Id, new HostTensor(value.Type, MemoryMarshal.AsBytes(session.ReadParameter(parameters[value.Name]).AsSpan()).ToArray()));
            }
            else if (value.Role == ValueRole.Input)
            {
                BatchField field = batch[value.Name];
                int count = checked((int)value.Type.CountElements);
                ReadOnlySpan<byte> bytes = value.Type.Element == ElementType.Float32
                    ? MemoryMarshal.AsBytes(field.Floats.AsSpan(0, count))
                    : MemoryMarshal.AsBytes(field.Integers.AsSpan(0, count));
                placed.Write(value.Id, new HostTensor(value.Type, bytes.ToArray()));
            }
        }

        float[][] whole = session.PredictionBuffers();
        session.Predict(batch, whole);
        placed.Run();
        ModelGraph model = session.Model.BuildInference(executable.Program.Graph.Samples);
        for (int i = 0; i < whole.Length; i++)
        {
            Require(graph[model.Predictions[i]], MemoryMarshal.Cast<byte, float>(placed.Read(model.Predictions[i]).Bytes), whole[i]);
        }

        return executable.Program.Sections.Count;
    }

    private static void Require(Value value, ReadOnlySpan<float> placed, ReadOnlySpan<float> whole)
    {
        for (int i = 0; i < whole.Length; i++)
        {
            // Any NaN equals any other.
            int ours = BitConverter.SingleToInt32Bits(placed[i]);
            int theirs = BitConverter.SingleToInt32Bits(whole[i]);
            if (ours != theirs && !(float.IsNaN(placed[i]) && float.IsNaN(whole[i])))
            {
                throw new RduException(
                    ErrorCatalogue.PlacedRunDiffers, $"{value.Name}, element {i}", $"the bits of the whole program, {theirs:x8}", $"{ours:x8}",
                    "report this fault with the executable");
            }
        }
    }
}
