using System.Diagnostics;
using System.Globalization;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Onnx;
using RduEmu.Compiler.Operators;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Onnx;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Robustness;

/// <summary>
/// One broken model, read, imported and compiled in this process; a small one that compiles is also run once, on one thread. Open
/// extents are bound to small numbers.
/// </summary>
public static class ImportTrial
{
    /// <summary>What a model that was compiled is counted under.</summary>
    public const string Accepted = "compiled";

    /// <summary>Programs with a larger arena, or with more operations, are compiled only.</summary>
    private const long MostRunBytes = 1 << 20;
    private const long MostRunOperations = 1 << 20;

    /// <param name="model">The bytes of a file.</param>
    /// <returns><see cref="Accepted"/> or the id of the error that refused it; and what must not be, if it happened.</returns>
    public static (string Code, string? Fault) Try(byte[] model)
    {
        try
        {
            OnnxFile opened = OnnxFile.Read(new MemoryStream(model, writable: false), "model.onnx");
            OnnxModel imported = opened.ImportFor(new Dictionary<string, HostTensor>(), Bound(opened));
            var target = new ExecutionTarget("host", 1);
            if (GraphCompiler.Compile(imported.Graph, new CompileOptions()).ArenaBytes <= MostRunBytes && CountOperations(imported.Graph) <= MostRunOperations)
            {
                using var program = new OnnxProgram(imported, target);
                for (int i = 0; i < imported.Inputs.Count; i++)
                {
                    program.Write(imported.Inputs[i], imported.Inputs[i].Known ?? OnnxInputs.Draw(imported.Inputs[i].Type, 1, i));
                }

                program.Run();
            }

            return (Accepted, null);
        }
        catch (RduException error)
        {
            return (error.Id.Code, error.Id == ErrorCatalogue.ImportFault ? $"{error.Got}; {error.Where}"
                : error.Message.Contains('\n', StringComparison.Ordinal) ? $"more than one line: {error.Message.ReplaceLineEndings(" ")}"
                : error.Id.Exit != ExitCode.BadInput ? $"exit code {error.Id.Exit}: {error.Message}"
                : null);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            return ("fault", $"{error.GetType().Name}: {error.Message.ReplaceLineEndings(" ")} {PlaceOf(error)}");
        }
    }

    /// <summary>The product's own innermost frame.</summary>
    private static string PlaceOf(Exception error)
    {
        foreach (StackFrame frame in new StackTrace(error, fNeedFileInfo: false).GetFrames())
        {
            if (frame.GetMethod() is { DeclaringType: { Namespace: { } space } type } method && space.StartsWith("RduEmu", StringComparison.Ordinal))
            {
                return $"in {type.Name}.{method.Name}";
            }
        }

        return string.Empty;
    }

    private static long CountOperations(Graph graph)
    {
        Int128 count = 0;
        foreach (Node node in graph.Nodes)
        {
            count += node.Operator.CountOperations(new OperatorInputs(node.Name, node.Operator.Name, [.. node.Inputs.Select(input => graph[input].Type)]));
        }

        return (long)Int128.Min(count, long.MaxValue);
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
}
