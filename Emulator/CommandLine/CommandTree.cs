using System.CommandLine;
using RduEmu.Emulator.CommandLine.Experiments;

namespace RduEmu.Emulator.CommandLine;

/// <summary>All commands of <c>rduemu</c>.</summary>
public static class CommandTree
{
    public static RootCommand Create() => Create(sink: null);

    /// <param name="sink">Takes the receipt of run and train, which then write nothing.</param>
    internal static RootCommand Create(ReceiptSink? sink) => new("An emulator of a Reconfigurable Dataflow Unit: the same bits on every device.")
    {
        DevicesCommand.Create(),
        RunCommand.Create(sink),
        TrainCommand.Create(sink),
        CheckCommand.Create(),
        ReplayCommand.Create(),
        VerifyCommand.Create(),
        ExperimentCommand.Create(),
        ConformCommand.Create(),
        NotationCommand.Create(),
        ExportCommand.Create(),
        CompileCommand.Create(),
        FuzzCommand.Create(),
        OperatorsCommand.Create(),
        ReportCommand.Create(),
        DiffCommand.Create(),
        GateCommand.Create(),
        ValidateCommand.Create(),
    };
}
