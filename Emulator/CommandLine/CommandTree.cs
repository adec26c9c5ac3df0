using System.CommandLine;

namespace RduEmu.Emulator.CommandLine;

/// <summary>All commands of <c>rduemu</c>.</summary>
public static class CommandTree
{
    public static RootCommand Create() => new("An emulator of a Reconfigurable Dataflow Unit: the same bits on every device.")
    {
        DevicesCommand.Create(),
        RunCommand.Create(),
        TrainCommand.Create(),
        CheckCommand.Create(),
        ConformCommand.Create(),
        NotationCommand.Create(),
        CompileCommand.Create(),
        FuzzCommand.Create(),
        OperatorsCommand.Create(),
        ReportCommand.Create(),
        DiffCommand.Create(),
        GateCommand.Create(),
        ValidateCommand.Create(),
    };
}
