using System.CommandLine;
using RduEmu.Emulator.CommandLine;

RootCommand root = new("An emulator of a Reconfigurable Dataflow Unit: the same bits on every device.");
root.Subcommands.Add(DevicesCommand.Create());
root.Subcommands.Add(RunCommand.Create());
root.Subcommands.Add(TrainCommand.Create());
root.Subcommands.Add(CheckCommand.Create());
return CommandRunner.Run(root, args);
