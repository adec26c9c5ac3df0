using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Onnx;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Conformance;

public enum ConformanceResult
{
    Passed,
    Failed,
    OutOfScope,
}

/// <param name="Name">The case's folder.</param>
/// <param name="Result">What came of it.</param>
/// <param name="Family">Why it is out of scope, in the words that cases of one kind share; else empty.</param>
/// <param name="Reason">The error or the first difference; empty if it passed.</param>
public sealed record ConformanceReport(string Name, ConformanceResult Result, string Family, string Reason);

/// <summary>
/// One case in ONNX's form: a folder with model.onnx and folders test_data_set_k with input_i.pb and output_i.pb. The model is
/// compiled for the shapes of the given inputs, run, and each output is compared with the recorded one.
/// </summary>
public static class ConformanceCase
{
    private const string ModelFile = "model.onnx";

    /// <summary>Kinds of error that say that a case is outside of what the product covers.</summary>
    private static readonly ErrorId[] OutsideScope =
        [ErrorCatalogue.OperatorUnknown, ErrorCatalogue.OperatorNotSupported, ErrorCatalogue.TypeNotSupported, ErrorCatalogue.ValueNotKnown];

    /// <summary>The folders of all cases below a folder, in order of their names.</summary>
    /// <exception cref="RduException">RDU0101: there is no such folder, or no case in it.</exception>
    public static IReadOnlyList<string> Find(string folder)
    {
        string[] cases = Directory.Exists(folder)
            ? [.. Directory.EnumerateFiles(folder, ModelFile, SearchOption.AllDirectories).Select(file => Path.GetDirectoryName(file)!).Order(StringComparer.Ordinal)]
            : [];
        return cases.Length > 0
            ? cases
            : throw new RduException(ErrorCatalogue.FileMissing, folder, $"a folder with cases: {ModelFile} and test_data_set_0", "none", "name the folder of a suite");
    }

    public static ConformanceReport Run(string folder, ExecutionTarget target)
    {
        string name = Path.GetFileName(folder);
        try
        {
            string? difference = FirstDifference(folder, target);
            return difference is null
                ? new ConformanceReport(name, ConformanceResult.Passed, string.Empty, string.Empty)
                : new ConformanceReport(name, ConformanceResult.Failed, string.Empty, difference);
        }
        catch (RduException error) when (OutsideScope.Contains(error.Id))
        {
            return new ConformanceReport(name, ConformanceResult.OutOfScope, $"{error.Id.Summary}: {error.Got}", error.Message);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // A fault of any other kind is a failed case, not the end of the suite.
            return new ConformanceReport(name, ConformanceResult.Failed, string.Empty, $"{error.GetType().Name}: {error.Message}");
        }
    }

    private static string? FirstDifference(string folder, ExecutionTarget target)
    {
        OnnxFile file = OnnxFile.Open(Path.Combine(folder, ModelFile));
        string[] sets = [.. Directory.EnumerateDirectories(folder, "test_data_set_*").Order(StringComparer.Ordinal)];
        if (sets.Length == 0)
        {
            return "no test_data_set_0";
        }

        foreach (string set in sets)
        {
            // What the model declares is checked first: an input that is no tensor is out of scope, its file not read.
            file.RequireTensors();
            var given = new Dictionary<string, HostTensor>();
            for (int i = 0; i < file.Inputs.Count; i++)
            {
                string path = Path.Combine(set, $"input_{i}.pb");
                if (File.Exists(path))
                {
                    given.Add(file.Inputs[i].Name, OnnxFile.ReadTensor(path));
                }
            }

            using var program = new OnnxProgram(file.ImportFor(given), target);
            foreach (OnnxPort input in program.Model.Inputs)
            {
                if (given.TryGetValue(input.Name, out HostTensor? tensor))
                {
                    program.Write(input, tensor);
                }
            }

            program.Run();
            int compared = 0;
            for (int i = 0; i < program.Model.Outputs.Count; i++)
            {
                string path = Path.Combine(set, $"output_{i}.pb");
                if (File.Exists(path))
                {
                    OnnxPort output = program.Model.Outputs[i];
                    compared++;
                    if (Tolerance.FirstDifference(program.Read(output), OnnxFile.ReadTensor(path)) is { } difference)
                    {
                        return $"output '{output.Name}': {difference}";
                    }
                }
            }

            if (compared == 0)
            {
                return $"no recorded output in {Path.GetFileName(set)}";
            }
        }

        return null;
    }
}
