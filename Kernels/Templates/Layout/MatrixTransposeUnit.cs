using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Layout;

/// <summary>What the kernel needs.</summary>
public readonly record struct MatrixTransposeArguments(Operand X, Operand Output, int Rows, int Columns);

/// <summary>Template <c>Layout</c>: the matrix of each item turned, y[b, c, r] = x[b, r, c].</summary>
/// <remarks>x: R rows of C columns for each item; y: C rows of R columns, not x.</remarks>
public sealed unsafe class MatrixTransposeUnit : ConfiguredUnit
{
    private readonly MatrixTransposeArguments _arguments;

    public MatrixTransposeUnit(string name, int rows, int columns, Operand x, Operand output)
        : base(name, columns) =>
        _arguments = new MatrixTransposeArguments(x, output, rows, columns);

    public override long OperationsPerItem => 0;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        MatrixTransposeArguments p = _arguments;
        for (int item = 0; item < items; item++)
        {
            for (int c = 0; c < p.Columns; c++)
            {
                for (int r = 0; r < p.Rows; r++)
                {
                    memory.Store(p.Output, (long)item * p.Columns + c, r, memory.Float(p.X, (long)item * p.Rows + r, c));
                }
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        MatrixTransposeArguments p = _arguments;
        for (int item = 0; item < tile.ItemCount; item++)
        {
            float* x = tile.Row(p.X, p.Rows, (long)item * p.Rows);
            float* y = tile.Row(p.Output, p.Columns, (long)item * p.Columns);
            for (nint c = 0; c < p.Columns; c++)
            {
                for (nint r = 0; r < p.Rows; r++)
                {
                    y[c * p.Output.RowStrideElements + r] = x[r * p.X.RowStrideElements + c];
                }
            }
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(MatrixTransposeKernel.Run, checked(items * _arguments.Rows * _arguments.Columns), _arguments);
}

/// <summary>Turned matrices on a device: one thread for each element.</summary>
public static class MatrixTransposeKernel
{
    public static MethodInfo Method => typeof(MatrixTransposeKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, MatrixTransposeArguments p)
    {
        int row = index / p.Columns;
        int column = index - row * p.Columns;
        int item = row / p.Rows;
        arena[p.Output.At((long)item * p.Columns + column, row - item * p.Rows)] = arena[p.X.At(row, column)];
    }
}
