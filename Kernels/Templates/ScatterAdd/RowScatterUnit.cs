using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates.Gather;

namespace RduEmu.Kernels.Templates.ScatterAdd;

/// <summary>
/// Template <c>ScatterAdd</c> within an item, the gradient of <see cref="RowGatherUnit"/>: dx[b, t, :] = sum of dy[b, p, :] over the
/// p with position[b, p] = t, in ascending p from +0.
/// </summary>
/// <remarks>dx: T rows for each item, all written; dy: P rows; positions: one integer for each row of dy, negative ones are absent.</remarks>
public sealed unsafe class RowScatterUnit : ConfiguredUnit
{
    private readonly RowPickArguments _arguments;

    public RowScatterUnit(string name, int sourceRows, int pickedRows, int columns, Operand positions, Operand gradient, Operand output)
        : base(name, sourceRows) =>
        _arguments = new RowPickArguments(positions, gradient, output, sourceRows, pickedRows, columns);

    public override long OperationsPerItem => (long)_arguments.PickedRows * _arguments.Columns;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        RowPickArguments p = _arguments;
        for (long row = 0; row < (long)items * p.SourceRows; row++)
        {
            long first = row / p.SourceRows * p.PickedRows;
            for (int c = 0; c < p.Columns; c++)
            {
                float sum = 0f;
                for (long picked = first; picked < first + p.PickedRows; picked++)
                {
                    if (memory.Int(p.Positions, picked, 0) == row % p.SourceRows)
                    {
                        sum = Exact.Add(sum, memory.Float(p.Input, picked, c));
                    }
                }

                memory.Store(p.Output, row, c, sum);
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        RowPickArguments p = _arguments;
        for (int row = 0; row < tile.ItemCount * p.SourceRows; row++)
        {
            new Span<float>(tile.Row(p.Output, p.SourceRows, row), p.Columns).Clear();
        }

        for (int picked = 0; picked < tile.ItemCount * p.PickedRows; picked++)
        {
            int position = *(int*)tile.Row(p.Positions, p.PickedRows, picked);
            if (position < 0)
            {
                continue;
            }

            float* from = tile.Row(p.Input, p.PickedRows, picked);
            float* to = tile.Row(p.Output, p.SourceRows, (long)(picked / p.PickedRows) * p.SourceRows + position);
            for (int c = 0; c < p.Columns; c++)
            {
                to[c] += from[c];
            }
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(RowScatterKernel.Run, checked(items * _arguments.SourceRows * _arguments.Columns), _arguments);
}

/// <summary>The gradient of rows within an item on a device: one thread for each element of dx.</summary>
public static class RowScatterKernel
{
    public static MethodInfo Method => typeof(RowScatterKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, RowPickArguments p)
    {
        int row = index / p.Columns;
        int column = index - row * p.Columns;
        int item = row / p.SourceRows;
        float sum = 0f;
        for (int picked = item * p.PickedRows; picked < (item + 1) * p.PickedRows; picked++)
        {
            if (words[p.Positions.At(picked, 0)] == row - item * p.SourceRows)
            {
                sum = Exact.Add(sum, arena[p.Input.At(picked, column)]);
            }
        }

        arena[p.Output.At(row, column)] = sum;
    }
}
