using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Gather;

/// <summary>What the kernels of rows within an item need.</summary>
/// <param name="SourceRows">Rows of an item that are picked from (scattered to).</param>
/// <param name="PickedRows">Rows of an item that are picked (scattered).</param>
public readonly record struct RowPickArguments(Operand Positions, Operand Input, Operand Output, int SourceRows, int PickedRows, int Columns);

/// <summary>
/// Template <c>Gather</c> within an item: y[b, p, :] = x[b, position[b, p], :]; +0 where the position is negative. The rows of a
/// sequence that a masked-LM head predicts.
/// </summary>
/// <remarks>x: T rows for each item; positions: integers below T, one for each of the P rows of y. Checked when they are fed, not here.</remarks>
public sealed unsafe class RowGatherUnit : ConfiguredUnit
{
    private readonly RowPickArguments _arguments;

    public RowGatherUnit(string name, int sourceRows, int pickedRows, int columns, Operand positions, Operand x, Operand output)
        : base(name, pickedRows) =>
        _arguments = new RowPickArguments(positions, x, output, sourceRows, pickedRows, columns);

    public override long OperationsPerItem => 0;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        RowPickArguments p = _arguments;
        for (long row = 0; row < (long)items * p.PickedRows; row++)
        {
            int position = memory.Int(p.Positions, row, 0);
            for (int c = 0; c < p.Columns; c++)
            {
                memory.Store(p.Output, row, c, position < 0 ? 0f : memory.Float(p.Input, row / p.PickedRows * p.SourceRows + position, c));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        RowPickArguments p = _arguments;
        for (int row = 0; row < tile.ItemCount * p.PickedRows; row++)
        {
            int position = *(int*)tile.Row(p.Positions, p.PickedRows, row);
            var target = new Span<float>(tile.Row(p.Output, p.PickedRows, row), p.Columns);
            if (position < 0)
            {
                target.Clear();
                continue;
            }

            long source = (long)(row / p.PickedRows) * p.SourceRows + position;
            new ReadOnlySpan<float>(tile.Row(p.Input, p.SourceRows, source), p.Columns).CopyTo(target);
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(RowGatherKernel.Run, checked(items * _arguments.PickedRows * _arguments.Columns), _arguments);
}

/// <summary>Rows within an item on a device: one thread for each element.</summary>
public static class RowGatherKernel
{
    public static MethodInfo Method => typeof(RowGatherKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, RowPickArguments p)
    {
        int row = index / p.Columns;
        int column = index - row * p.Columns;
        int position = words[p.Positions.At(row, 0)];
        float element = 0f;
        if (position >= 0)
        {
            element = arena[p.Input.At((long)(row / p.PickedRows) * p.SourceRows + position, column)];
        }

        arena[p.Output.At(row, column)] = element;
    }
}
