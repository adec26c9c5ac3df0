using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates;

/// <summary>
/// A template with its arguments and operands: what one PCU, PMU or AGCU (or several of them) has been configured to do. The
/// interpreter's loop is the definition; the host's and the device's must give the same bits.
/// </summary>
/// <remarks>
/// A unit works on the items of its pipeline: the samples of a batch, or the rows of a parameter. It sees
/// <see cref="RowsPerItem"/> rows for each. The interpreter and the devices run over all items at once; host workers run it
/// tile by tile. No method allocates after the first call.
/// </remarks>
public abstract class ConfiguredUnit
{
    protected ConfiguredUnit(string name, int rowsPerItem)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rowsPerItem, 1);
        Name = name;
        RowsPerItem = rowsPerItem;
    }

    /// <summary>For people: which graph nodes it computes.</summary>
    public string Name { get; }

    /// <summary>Rows of its operands for each item of the pipeline.</summary>
    public int RowsPerItem { get; }

    /// <summary>
    /// True if several workers may run it on one tile, each its <see cref="HostTile.Part"/> of the columns. A unit that does
    /// not split runs on the worker with part 0 only.
    /// </summary>
    public virtual bool SplitsColumns => false;

    /// <summary>
    /// True if small parts cost no more than their share, so that workers who share a tile may take them as they become ready:
    /// a core that other work slows down then computes less.
    /// </summary>
    public virtual bool SplitsFinely => false;

    /// <summary>Floating-point operations for one item: an FMA counts two, everything else one.</summary>
    public abstract long OperationsPerItem { get; }

    /// <summary>The definition: plain loops over all items, one element at a time.</summary>
    public abstract void Interpret(InterpreterMemory memory, int items);

    /// <summary>The host's loop over one tile.</summary>
    public abstract void Run(in HostTile tile);

    /// <summary>The device's kernel, or kernels, over all items; they run in the order of the calls.</summary>
    public abstract void Launch(KernelLauncher launcher, int items);

    public override string ToString() => Name;
}
