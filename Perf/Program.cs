using System.CommandLine;
using RduEmu.Emulator.CommandLine;
using RduEmu.Perf.Benchmarks;
using RduEmu.Perf.Peers;
using RduEmu.Perf.Repeatability;
using RduEmu.Perf.Workloads;

RootCommand root = new("How fast RduEmu is: against peers in one process, by template, and where the time goes.");
root.Subcommands.Add(PeersCommand.Create());
root.Subcommands.Add(GateCommand.Create());
root.Subcommands.Add(BenchCommand.Create());
root.Subcommands.Add(ProfileCommand.Create());
root.Subcommands.Add(PlacementCommand.Create());
root.Subcommands.Add(LoadCommand.Create());
root.Subcommands.Add(NotationCommand.Create());
root.Subcommands.Add(RepeatabilityCommand.Create());
return CommandRunner.Run(root, args);
