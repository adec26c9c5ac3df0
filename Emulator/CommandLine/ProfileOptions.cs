using System.CommandLine;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Receipts;
using RduEmu.Emulator.Reports;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>--profile</c> and <c>--trace</c>: where the time of a run on the host goes.</summary>
internal sealed class ProfileOptions
{
    private readonly Option<bool> _profile = new("--profile") { Description = "time by section and stage on the host, with its share of what the machine can do" };
    private readonly Option<string?> _trace = new("--trace") { Description = "write what every worker did to this file, as Chrome trace events for Perfetto" };

    public IReadOnlyList<Option> All => [_profile, _trace];

    /// <summary>A profile to be filled, or null if none was asked for.</summary>
    /// <exception cref="RduException">RDU0201: not on the host, or on several RDUs. RDU0501: the trace cannot be written.</exception>
    public HostProfile? Read(ParseResult parsed, string device, int threads, int sockets = 1)
    {
        if (!parsed.GetValue(_profile) && parsed.GetValue(_trace) is null)
        {
            return null;
        }

        string option = parsed.GetValue(_profile) ? "--profile" : "--trace";
        if (device != "host")
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, option, "the device host", device, "use --device host");
        }

        if (sockets > 1)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, option, "one RDU", $"{sockets}", "leave --sockets out");
        }

        if (parsed.GetValue(_trace) is { } path)
        {
            AtomicFile.RequireWritable(path);
        }

        return new HostProfile(threads);
    }

    /// <summary>Prints and writes what was asked for.</summary>
    /// <param name="steps">Steps that were recorded.</param>
    public HostProfileReport Write(ParseResult parsed, Output output, HostProfile profile, CompiledProgram program, string title, int steps)
    {
        if (parsed.GetValue(_trace) is { } path)
        {
            AtomicFile.Write(path, HostProfileReport.Trace(profile, title));
            output.WriteFacts(("trace", path));
        }

        var report = new HostProfileReport(program, profile, MachineCeiling.Measure(profile.Workers), steps);
        if (parsed.GetValue(_profile))
        {
            HostProfileTable.Write(output.Text, report);
        }

        return report;
    }
}
