using System.CommandLine;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary>Runs a command line; every fault a user can act on becomes one line on stderr and its exit code.</summary>
public static class CommandRunner
{
    public static int Run(RootCommand root, string[] args)
    {
        try
        {
            // Parsing runs our own parsers of lists, which report like everything else.
            ParseResult parsed = root.Parse(ExecutableFile.Expand(WithModelOfFile(args)));
            if (parsed.Errors.Count > 0)
            {
                return Report(new RduException(
                    ErrorCatalogue.OptionInvalid,
                    "the command line",
                    "what 'rduemu --help' lists",
                    string.Join(' ', parsed.Errors.Select(error => error.Message)),
                    "correct the command"));
            }

            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (RduException error)
        {
            return Report(error);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("interrupted; nothing was written");
            return (int)ExitCode.Interrupted;
        }
    }

    /// <summary>The name of an ONNX file in the place of a model stands for the model onnx with that file.</summary>
    private static string[] WithModelOfFile(string[] args) =>
        args.Length >= 2 && args[0] is "run" or ExportCommand.Name && args[1].EndsWith(".onnx", StringComparison.OrdinalIgnoreCase)
            ? [args[0], OnnxRunCommand.Name, .. args[1..]]
            : args;

    private static int Report(RduException error)
    {
        Console.Error.WriteLine(error.Message);
        return (int)error.Id.Exit;
    }
}
