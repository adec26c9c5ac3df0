using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using RduEmu.Kernels.Errors;

namespace RduEmu.Kernels.Devices;

/// <summary>
/// One accelerator with one arena. Kernels go to its default stream in the order of their launches; each is compiled at its
/// first launch and kept.
/// </summary>
public sealed unsafe class IlgpuDevice : KernelLauncher, IDisposable
{
    private readonly Context _context;
    private readonly Accelerator _accelerator;
    private readonly MemoryBuffer1D<byte, Stride1D.Dense> _arena;
    private readonly ArrayView<float> _floats;
    private readonly ArrayView<int> _words;
    private readonly Dictionary<Delegate, Delegate> _kernels = [];

    /// <param name="name"><c>ilgpu</c>, <c>cuda:n</c> or <c>opencl:n</c>.</param>
    /// <param name="arenaBytes">Size of the arena; zero at first.</param>
    /// <exception cref="RduException">RDU0301, RDU0302 as <see cref="DeviceCatalogue.Find"/>; RDU0303: the device has not that much memory.</exception>
    public IlgpuDevice(string name, long arenaBytes)
    {
        DeviceDescription description = DeviceCatalogue.Find(name);
        Name = description.Name;
        ArenaBytes = arenaBytes;
        _context = Context.Create(builder => _ = Name == "ilgpu" ? builder.CPU() : builder.AllAccelerators());
        ExactIntrinsics.Register(_context);
        _accelerator = Select(_context, Name).CreateAccelerator(_context);
        try
        {
            _arena = _accelerator.Allocate1D<byte>(Math.Max(arenaBytes, sizeof(int)));
            _arena.MemSetToZero();
        }
        catch (Exception error) when (error is AcceleratorException or OutOfMemoryException)
        {
            _accelerator.Dispose();
            _context.Dispose();
            throw new RduException(
                ErrorCatalogue.MemoryExceeded, $"the arena on {Name}", $"at most {description.MemoryBytes} bytes", $"{arenaBytes} bytes", "cap the tables, or use the host");
        }

        _floats = _arena.View.AsContiguous().Cast<float>();
        _words = _arena.View.AsContiguous().Cast<int>();
    }

    public string Name { get; }

    public long ArenaBytes { get; }

    public override void Launch<TArguments>(
        Action<Index1D, ArrayView<float>, ArrayView<int>, TArguments> kernel, int extentElements, TArguments arguments)
    {
        if (extentElements == 0)
        {
            return;
        }

        if (!_kernels.TryGetValue(kernel, out Delegate? loaded))
        {
            loaded = _accelerator.LoadAutoGroupedStreamKernel(kernel);
            _kernels.Add(kernel, loaded);
        }

        ((Action<Index1D, ArrayView<float>, ArrayView<int>, TArguments>)loaded)(extentElements, _floats, _words, arguments);
    }

    public override void LaunchGroups<TArguments>(
        Action<ArrayView<float>, ArrayView<int>, TArguments> kernel, Index3D groups, Index3D threadsPerGroup, TArguments arguments)
    {
        if (groups.Size == 0)
        {
            return;
        }

        if (!_kernels.TryGetValue(kernel, out Delegate? loaded))
        {
            loaded = _accelerator.LoadStreamKernel(kernel);
            _kernels.Add(kernel, loaded);
        }

        ((Action<KernelConfig, ArrayView<float>, ArrayView<int>, TArguments>)loaded)(
            new KernelConfig(groups, threadsPerGroup), _floats, _words, arguments);
    }

    /// <summary>Waits for all launches, and copies from the host.</summary>
    public void CopyToDevice(void* source, long offsetBytes, long countBytes)
    {
        if (countBytes > 0)
        {
            _accelerator.Synchronize();
            _arena.View.SubView(offsetBytes, countBytes).CopyFromCPU(ref *(byte*)source, countBytes);
        }
    }

    /// <summary>Waits for all launches, and copies to the host.</summary>
    public void CopyFromDevice(long offsetBytes, void* target, long countBytes)
    {
        if (countBytes > 0)
        {
            _accelerator.Synchronize();
            _arena.View.SubView(offsetBytes, countBytes).CopyToCPU(ref *(byte*)target, countBytes);
        }
    }

    public void Synchronize() => _accelerator.Synchronize();

    public void Dispose()
    {
        _arena.Dispose();
        _accelerator.Dispose();
        _context.Dispose();
    }

    private static Device Select(Context context, string name)
    {
        string[] parts = name.Split(':');
        int index = parts.Length > 1 ? int.Parse(parts[1], null) : 0;
        return parts[0] switch
        {
            "cuda" => context.GetCudaDevice(index),
            "opencl" => context.GetCLDevice(index),
            "ilgpu" => context.GetCPUDevice(0),
            _ => throw new RduException(
                ErrorCatalogue.DeviceUnknown, "a device with kernels", "ilgpu, cuda[:n] or opencl[:n]", name, "run it on the host"),
        };
    }
}
