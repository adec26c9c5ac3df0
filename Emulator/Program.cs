using RduEmu.Emulator.CommandLine;

return CommandRunner.Run(CommandTree.Create(), args);
