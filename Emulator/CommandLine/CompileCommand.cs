using System.CommandLine;
using System.CommandLine.Parsing;
using RduEmu.Compiler.Executables;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.CommandLine.Families;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu compile</c>: sections, places and routes of a model on a machine, as a table and as an executable file.</summary>
internal sealed class CompileCommand : IModelCommand
{
    /// <summary>Options of one command or one machine: they are no part of a model.</summary>
    private static readonly string[] Unstored = ["--output", "--json", "--arena-file", "--memory-limit", "--text", "--rules", "--weights", ExecutableFile.OptionName];

    private readonly MachineOptions _machine = new();
    private readonly Option<string> _output = new("-o", "--output") { Description = "the executable to write, NAME.rdux", Required = true };
    private readonly Option<string?> _text = new("--text") { Description = "also write sections, stages and places as text to this file" };
    private readonly Option<string?> _rules = new("--rules") { Description = "fusion rules for mode o1, in SambaFlow's YAML form; left out: those of the product" };

    private readonly Option<string?> _weights = new("--weights") { Description = "keep the parameters of this safetensors file in the executable" };

    public IReadOnlyList<Option> Options => [.. _machine.All, _output, _text, _rules, _weights];

    public static Command Create() => ModelCatalogue.CreateCommand(
        "compile", "sections, places and routes of a model on a machine; writes an executable", () => new CompileCommand());

    public int Run(ParseResult parsed, ModelRequest request)
    {
        MachineRequest machine = _machine.Read(parsed);
        string path = parsed.GetRequiredValue(_output);
        AtomicFile.RequireWritable(path);
        string? textPath = parsed.GetValue(_text);
        if (textPath is not null)
        {
            AtomicFile.RequireWritable(textPath);
        }

        PlacementOptions options = machine.Options(request.Common.Mode);
        if (parsed.GetValue(_rules) is { } rules)
        {
            options = options with { Rules = Compiler.Placement.Fusion.FusionRules.Parse(InputFile.ReadText(rules), rules) };
        }

        byte[] weights = parsed.GetValue(_weights) is { } weightsPath ? InputFile.ReadBytes(weightsPath) : [];
        using IModelData data = request.OpenData();
        int batch = data.Suited(new CourseChoices(request.Common.BatchSamples, null, null)).BatchSamples;
        if (batch % machine.Sockets != 0)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--batch", $"a multiple of {machine.Sockets} sockets", $"{batch}", "give another batch");
        }

        var output = new Output(request.Json);
        using var interruption = new Interruption();
        IModel model = request.Model;
        int samples = batch / machine.Sockets;
        Graph graph = (machine.IsInference ? model.BuildInference(samples) : model.BuildTrainingStep(samples)).Graph;
        PlacedProgram program = ProgressBar.Run(output.Progress, "placing", progress => PlacementCompiler.Compile(
            graph, machine.Resources, options, (done, all) => progress(done, all, () => "sections"), interruption.Token));
        (string[] modelArguments, string[] machineArguments) = Arguments(parsed, batch);
        byte[] file = new Executable(modelArguments, machineArguments, graph, program, machine.Spec.Content, weights).ToBytes();
        interruption.Token.ThrowIfCancellationRequested();
        AtomicFile.Write(path, file);
        if (textPath is not null)
        {
            AtomicFile.Write(textPath, System.Text.Encoding.UTF8.GetBytes(ProgramText.Write(program, withUnits: true)));
        }

        Print(output, program);
        output.WriteFacts(
            ("model", $"{model.Name} {model.Preset}, {(machine.IsInference ? "inference" : "training step")}, batch {batch}"),
            ("target", $"{program.Resources.Name}, {program.Resources.Tiles} tiles, mode {request.Common.Mode.ToString().ToLowerInvariant()}"),
            ("sections", $"{program.Sections.Count} in {program.Layouts.Count} layouts"),
            ("estimate", $"{Output.Number(program.Sections.Sum(placed => placed.Section.EstimatedCycles), 0)} cycles of a step by the planner; rduemu report simulates it"),
            ("written", $"{path}, {Output.Bytes(file.Length)}"));
        if (request.Json)
        {
            Output.WriteJson(new
            {
                Model = model.Name,
                model.Preset,
                Target = program.Resources.Name,
                program.Resources.Tiles,
                machine.Sockets,
                Mode = request.Common.Mode,
                Batch = batch,
                Sections = program.Sections.Count,
                Layouts = program.Layouts.Count,
                PlacementCost = program.Layouts.Sum(layout => layout.Cost),
                InitialPlacementCost = program.Layouts.Sum(layout => layout.InitialCost),
                EstimatedCycles = program.Sections.Sum(placed => placed.Section.EstimatedCycles),
                File = path,
                Bytes = file.Length,
            });
        }

        return (int)ExitCode.Done;
    }

    private static void Print(Output output, PlacedProgram program)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("section", "type", "stages", "runs", "PCU", "PMU", "cycles", "cost", "operators");
        foreach (int column in new[] { 0, 2, 3, 4, 5, 6, 7 })
        {
            table.Columns[column].RightAligned();
        }

        foreach (PlacedSection placed in program.Sections)
        {
            MachineSection section = placed.Section;
            SectionLayout layout = program.LayoutOf(placed);
            table.AddRow(
                $"{section.Index}", $"{section.Phase}", $"{section.Stages.Count}", $"{section.Iterations}", $"{section.Pcus}", $"{section.Pmus}",
                Output.Number(section.EstimatedCycles, 0), Output.Number(layout.Cost, 0), Markup.Escape(Short(section)));
        }

        table.Columns[1].NoWrap();
        output.Text.Write(table);
    }

    /// <summary>The first stage's template, and how many more: names of operators are in the text that --text writes.</summary>
    private static string Short(MachineSection section)
    {
        const int Most = 20;
        string name = section.Name.Split(' ', '+')[0];
        return name.Length > Most ? name[..Most] : name;
    }

    /// <summary>What was given on the command line, by name, so that another command can be given the same.</summary>
    private (string[] Model, string[] Machine) Arguments(ParseResult parsed, int batch)
    {
        var model = new List<string> { parsed.CommandResult.Command.Name, "--batch", $"{batch}" };
        var machine = new List<string>();
        foreach (OptionResult result in parsed.CommandResult.Children.OfType<OptionResult>().Where(result => !result.Implicit).OrderBy(result => result.Option.Name, StringComparer.Ordinal))
        {
            bool isMachine = _machine.All.Contains(result.Option) || result.Option.Name == "--mode";
            if (result.Option.Name != "--batch" && !Unstored.Contains(result.Option.Name) && result.Option != _output)
            {
                List<string> to = isMachine ? machine : model;
                to.Add(result.Option.Name);
                to.AddRange(result.Tokens.Select(token => token.Value));
            }
        }

        return ([.. model], [.. machine]);
    }
}
