using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using RduEmu.Kernels.Errors;

namespace RduEmu.Kernels.Devices;

/// <summary>A device that programs can be sent to.</summary>
/// <param name="Name">As the option <c>--device</c> takes it: <c>host</c>, <c>ilgpu</c>, <c>cuda:0</c>, <c>opencl:0</c>, <c>null</c>.</param>
/// <param name="Description">For people: what the hardware calls itself.</param>
/// <param name="MemoryBytes">What an arena there may take, if it is known.</param>
public sealed record DeviceDescription(string Name, string Description, long? MemoryBytes);

/// <summary>What can compute on this machine.</summary>
public static class DeviceCatalogue
{
    private static DeviceDescription Host =>
        new("host", $"{Environment.ProcessorCount} processors, {VectorName()}", GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    private static DeviceDescription Simulator { get; } = new("ilgpu", "ILGPU's simulator: runs the GPU kernels on the processor, slowly", null);

    private static DeviceDescription Null { get; } = new("null", "compiles and computes nothing", null);

    /// <summary>All devices, the host first, each kind of GPU in the driver's order.</summary>
    public static IReadOnlyList<DeviceDescription> List()
    {
        var devices = new List<DeviceDescription> { Host, Simulator };
        int cuda = 0;
        int opencl = 0;
        using Context context = Context.Create(builder => builder.AllAccelerators());
        foreach (Device device in context)
        {
            string? name = device switch
            {
                CudaDevice => $"cuda:{cuda++}",
                CLDevice => $"opencl:{opencl++}",
                CPUDevice => null,
                _ => null,
            };
            if (name is not null)
            {
                devices.Add(new DeviceDescription(name, device.Name, device.MemorySize));
            }
        }

        devices.Add(Null);
        return devices;
    }

    /// <summary>The device that a user names; <c>cuda</c> and <c>opencl</c> mean the first of their kind.</summary>
    /// <exception cref="RduException">RDU0301: no such kind of device. RDU0302: this machine has none of it.</exception>
    public static DeviceDescription Find(string name)
    {
        string wanted = name is "cuda" or "opencl" ? $"{name}:0" : name;
        string kind = wanted.Split(':')[0];
        bool known = wanted is "host" or "ilgpu" or "null"
            || (kind is "cuda" or "opencl" && int.TryParse(wanted.AsSpan(kind.Length + 1), out int index) && index >= 0);
        if (!known)
        {
            throw new RduException(
                ErrorCatalogue.DeviceUnknown, "--device", "host, ilgpu, cuda[:n], opencl[:n] or null", name, "list what there is with: rduemu devices");
        }

        // Asking the drivers takes a while: only for a device of theirs.
        switch (wanted)
        {
            case "host":
                return Host;
            case "ilgpu":
                return Simulator;
            case "null":
                return Null;
            default:
                break;
        }

        IReadOnlyList<DeviceDescription> devices = List();
        return devices.FirstOrDefault(device => device.Name == wanted)
            ?? throw new RduException(
                ErrorCatalogue.DeviceNotAvailable, "--device", string.Join(", ", devices.Select(device => device.Name)), name, "choose one of these");
    }

    private static string VectorName() => RuntimeInformation.ProcessArchitecture + (
        Vector512.IsHardwareAccelerated ? " with 512-bit vectors"
        : Vector256.IsHardwareAccelerated ? " with 256-bit vectors"
        : " with 128-bit vectors");
}
