using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Graphs;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Checkpoints;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.CommandLine;

/// <summary>
/// An executable in the place of a model on the command line: <c>run m.rdux</c> is <c>run</c> with the model and options that it was
/// compiled from. The graph is built again and must equal the file's, as SambaFlow traces a model again before it runs a PEF.
/// </summary>
internal static class ExecutableFile
{
    public const string Extension = ".rdux";

    /// <summary>The option by which a command learns which file stood in the place of the model.</summary>
    public const string OptionName = "--executable";

    /// <summary>Commands that time or place the machine too, and so take the file's target.</summary>
    private static readonly string[] MachineCommands = ["report", "compile"];

    private static readonly string[] Commands = ["run", "train", "check", "report", "compile"];

    /// <summary>Operators of the compiler and of the models.</summary>
    public static OperatorCatalogue Operators { get; } = new([typeof(DlrmModel).Assembly]);

    /// <exception cref="RduException">RDU0101, RDU0614, RDU0615: the file is missing, damaged, or of another version.</exception>
    public static Executable Read(string path) => Executable.FromBytes(InputFile.ReadBytes(path), path, Operators);

    /// <summary>The command line with the file's model in its place; options that the user gives again are the user's.</summary>
    public static string[] Expand(string[] args)
    {
        if (args.Length < 2 || !Commands.Contains(args[0]) || !args[1].EndsWith(Extension, StringComparison.OrdinalIgnoreCase))
        {
            return args;
        }

        Executable executable = Read(args[1]);
        var given = new HashSet<string>(args.Skip(2).Where(arg => arg.StartsWith("--", StringComparison.Ordinal)).Select(arg => arg.Split('=')[0]));
        var expanded = new List<string> { args[0], executable.Arguments[0] };
        IEnumerable<string> stored = executable.Arguments.Skip(1);
        stored = MachineCommands.Contains(args[0]) ? stored.Concat(executable.MachineArguments) : stored.Concat(Mode(executable.MachineArguments));
        bool isKept = true;
        foreach (string word in stored)
        {
            // The description of the machine is in the file itself.
            isKept = word.StartsWith("--", StringComparison.Ordinal) ? !given.Contains(word) && word != "--target" : isKept;
            if (isKept)
            {
                expanded.Add(word);
            }
        }

        expanded.AddRange(args.Skip(2));
        if (args[0] == "run" || MachineCommands.Contains(args[0]))
        {
            expanded.AddRange([OptionName, args[1]]);
        }

        return [.. expanded];
    }

    /// <summary>Requires that the model's graph is the executable's.</summary>
    /// <exception cref="RduException">RDU0614, RDU0615, RDU0201: it is not, or the file cannot be used.</exception>
    public static Executable Require(string path, IModel model)
    {
        Executable executable = Read(path);
        Graph stored = executable.Graph;
        int samples = executable.Program.Graph.Samples;
        Graph built = (stored.Updates.Count > 0 ? model.BuildTrainingStep(samples) : model.BuildInference(samples)).Graph;
        if (built != stored)
        {
            throw new RduException(
                ErrorCatalogue.OptionInvalid, path, "the graph that it was compiled from", $"that of {model.Name} {model.Preset} with these options",
                "leave out options that change the model, or compile again");
        }

        return executable;
    }

    /// <summary>Gives the session the parameters that the executable has.</summary>
    public static void LoadWeights(ModelSession session, Executable executable)
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            File.WriteAllBytes(path, executable.Weights.Span);
            WeightFile.Load(session, path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static IEnumerable<string> Mode(IReadOnlyList<string> arguments)
    {
        int at = arguments.ToList().IndexOf("--mode");
        return at < 0 ? [] : [arguments[at], arguments[at + 1]];
    }
}
