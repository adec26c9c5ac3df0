using System.CommandLine;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary>Where a command computes: bits do not depend on it.</summary>
internal sealed class DeviceOptions
{
    private readonly Option<string> _device = new("--device") { Description = "host, ilgpu, cuda[:n], opencl[:n] or null", DefaultValueFactory = _ => "host" };
    private readonly Option<int> _threads = new("--threads") { Description = "workers on the host; bits do not depend on them", DefaultValueFactory = _ => Environment.ProcessorCount };

    public IReadOnlyList<Option> All => [_device, _threads];

    /// <exception cref="RduException">RDU0201: no thread.</exception>
    public (string Device, int Threads) Read(ParseResult parsed) =>
        (parsed.GetRequiredValue(_device), CommonOptions.Positive("--threads", parsed.GetRequiredValue(_threads)));

    public static string Describe(string device, int threads) => device == "host" ? $"host, {threads} threads" : device;
}
