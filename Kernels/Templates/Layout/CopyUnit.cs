using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Layout;

/// <summary>What the copy kernel needs.</summary>
public readonly record struct CopyArguments(Operand Input, Operand Output, int Columns);

/// <summary>Template <c>Layout</c>, a strided copy: y[r, c] = x[r, c]. A piece of a concatenation.</summary>
public sealed unsafe class CopyUnit : ConfiguredUnit
{
    private readonly CopyArguments _arguments;

    public CopyUnit(string name, int rowsPerItem, int columns, Operand input, Operand output)
        : base(name, rowsPerItem) => _arguments = new CopyArguments(input, output, columns);

    public override long OperationsPerItem => 0;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            for (int column = 0; column < _arguments.Columns; column++)
            {
                memory.Store(_arguments.Output, row, column, memory.Int(_arguments.Input, row, column));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        long rows = (long)tile.ItemCount * RowsPerItem;
        float* input = tile.Row(_arguments.Input, RowsPerItem, 0);
        float* output = tile.Row(_arguments.Output, RowsPerItem, 0);
        for (long row = 0; row < rows; row++)
        {
            new ReadOnlySpan<float>(input, _arguments.Columns).CopyTo(new Span<float>(output, _arguments.Columns));
            input += _arguments.Input.RowStrideElements;
            output += _arguments.Output.RowStrideElements;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(CopyKernel.Run, checked(items * RowsPerItem * _arguments.Columns), _arguments);
}

/// <summary>The copy on a device: one thread for each element.</summary>
public static class CopyKernel
{
    public static MethodInfo Method => typeof(CopyKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, CopyArguments arguments)
    {
        int row = index / arguments.Columns;
        int column = index - row * arguments.Columns;
        words[arguments.Output.At(row, column)] = words[arguments.Input.At(row, column)];
    }
}
