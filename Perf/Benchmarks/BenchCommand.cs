using System.CommandLine;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Errors;

namespace RduEmu.Perf.Benchmarks;

/// <summary><c>bench</c>: BenchmarkDotNet over the templates and DLRM, in this process, beside the machine's ceilings.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        Argument<string> filter = new("filter") { Description = "a part of the names, * for any text", DefaultValueFactory = _ => "*" };
        Option<string> job = new("--job") { Description = "short, or deep for more and longer iterations", DefaultValueFactory = _ => "short" };
        job.AcceptOnlyFromAmong("short", "deep");
        Command command = new("bench", "BenchmarkDotNet by template and for DLRM") { filter, job };
        command.SetAction(parsed =>
        {
            string glob = parsed.GetValue(filter)!;
            Job shape = (parsed.GetValue(job) == "deep" ? Job.Default : Job.ShortRun).WithToolchain(InProcessEmitToolchain.Instance);
            var ceilings = new Dictionary<int, MachineCeiling> { [1] = MachineCeiling.Measure(1), [2] = MachineCeiling.Measure(2) };
            IConfig config = ManualConfig.CreateEmpty()
                .AddJob(shape)
                .AddLogger(ConsoleLogger.Default)
                .AddColumnProvider(DefaultColumnProviders.Descriptor, DefaultColumnProviders.Params, DefaultColumnProviders.Statistics)
                .AddColumn(RateColumn.All(ceilings))
                .WithOptions(ConfigOptions.JoinSummary);
            string[] arguments = ["--filter", glob.Contains('*', StringComparison.Ordinal) ? glob : $"*{glob}*"];
            if (!BenchmarkSwitcher.FromAssembly(typeof(BenchCommand).Assembly).Run(arguments, config).Any(summary => summary.BenchmarksCases.Length > 0))
            {
                throw new RduException(
                    ErrorCatalogue.NameUnknown, "bench", "Contract, SampleContract, BatchContract, Convolve, ConvolveGradient, FilterGradient, Map, Gather, ScatterUpdate or Dlrm", glob, "choose one of these");
            }
        });
        return command;
    }
}
