using ILGPU;

namespace RduEmu.Kernels.Devices;

/// <summary>
/// Starts kernels on one stream of a device, over one arena that it hands to each kernel as floats and as integers (two views
/// of the same words). A unit only ever sees this; behind it is an ILGPU accelerator, or a list that a test reads.
/// </summary>
public abstract class KernelLauncher
{
    /// <summary>Starts one thread for each index below <paramref name="extentElements"/>.</summary>
    /// <param name="kernel">A static method; a kernel is compiled at its first launch and kept.</param>
    /// <param name="extentElements">Number of threads.</param>
    /// <param name="arguments">Copied at the call.</param>
    public abstract void Launch<TArguments>(
        Action<Index1D, ArrayView<float>, ArrayView<int>, TArguments> kernel,
        int extentElements,
        TArguments arguments)
        where TArguments : unmanaged;

    /// <summary>Starts groups of threads that share memory.</summary>
    /// <param name="kernel">A static method that uses <see cref="Grid"/> and <see cref="Group"/>.</param>
    /// <param name="groups">Groups in the grid.</param>
    /// <param name="threadsPerGroup">Threads in each group.</param>
    /// <param name="arguments">Copied at the call.</param>
    public abstract void LaunchGroups<TArguments>(
        Action<ArrayView<float>, ArrayView<int>, TArguments> kernel,
        Index3D groups,
        Index3D threadsPerGroup,
        TArguments arguments)
        where TArguments : unmanaged;
}
