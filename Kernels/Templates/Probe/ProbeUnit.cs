using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Probe;

/// <summary>Sees what a unit has written, where it lies; it may change it.</summary>
public interface IProbe
{
    /// <summary>Called for the rows of a tile, from several threads for several tiles.</summary>
    /// <param name="row">Number of the row in the value.</param>
    /// <param name="words">Its 32-bit words.</param>
    void Observe(long row, Span<int> words);
}

/// <summary>
/// Shows the rows that the unit before it has written to a probe. It stands between units that are there without it too, and computes
/// nothing.
/// </summary>
/// <param name="name">For people.</param>
/// <param name="output">What was written: a row for each item, or all rows where <paramref name="wholeRows"/> is not 0.</param>
/// <param name="columns">Words of a row that were written.</param>
/// <param name="wholeRows">Rows of a value in the arena whose rows are not the pipeline's items; else 0.</param>
/// <param name="probe">Is shown them.</param>
public sealed unsafe class ProbeUnit(string name, Operand output, int columns, int wholeRows, IProbe probe) : ConfiguredUnit(name, 1)
{
    public override long OperationsPerItem => 0;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        var words = new int[columns];
        for (int row = 0; row < Rows(items); row++)
        {
            for (int column = 0; column < columns; column++)
            {
                words[column] = memory.Int(output, row, column);
            }

            probe.Observe(row, words);
            for (int column = 0; column < columns; column++)
            {
                memory.Store(output, row, column, words[column]);
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        if (wholeRows > 0)
        {
            for (int row = 0; row < wholeRows; row++)
            {
                probe.Observe(row, new Span<int>((int*)tile.Arena + output.At(row, 0), columns));
            }

            return;
        }

        for (int row = 0; row < tile.ItemCount; row++)
        {
            probe.Observe((long)tile.ItemBegin + row, new Span<int>(tile.Row(output, 1, row), columns));
        }
    }

    public override void Launch(KernelLauncher launcher, int items)
    {
        // A launcher that only compiles has nothing to show.
        if (launcher is not IlgpuDevice device)
        {
            return;
        }

        var words = new int[columns];
        fixed (int* start = words)
        {
            for (int row = 0; row < Rows(items); row++)
            {
                long offsetBytes = output.At(row, 0) * sizeof(int);
                device.CopyFromDevice(offsetBytes, start, (long)columns * sizeof(int));
                probe.Observe(row, words);
                device.CopyToDevice(start, offsetBytes, (long)columns * sizeof(int));
            }
        }
    }

    private int Rows(int items) => wholeRows > 0 ? wholeRows : items;
}
