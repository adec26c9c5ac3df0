using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.Layout;

/// <summary>What the column-map kernel needs.</summary>
public readonly record struct ColumnMapArguments(Operand Input, Operand Output, Operand Map, int Columns);

/// <summary>
/// Template <c>Layout</c> within a row: y[r, c] = map[c] &gt;= 0 ? x[r, map[c]] : +0. Slices, triangles and paddings, and the
/// gradients of all three. Words are moved, whatever they hold.
/// </summary>
public sealed unsafe class ColumnMapUnit : ConfiguredUnit
{
    private readonly ColumnMapArguments _arguments;
    private readonly CopyRun[] _runs;

    /// <param name="map">For each column of the output the column of the input, or -1.</param>
    /// <param name="mapOperand">The same as one row of integers in the arena, for the interpreter and the devices.</param>
    public ColumnMapUnit(string name, int rowsPerItem, ImmutableArray<int> map, Operand input, Operand output, Operand mapOperand)
        : base(name, rowsPerItem)
    {
        _arguments = new ColumnMapArguments(input, output, mapOperand, map.Length);
        _runs = FindRuns(map);
    }

    public override long OperationsPerItem => 0;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            for (int column = 0; column < _arguments.Columns; column++)
            {
                int source = memory.Int(_arguments.Map, 0, column);
                memory.Store(_arguments.Output, row, column, source >= 0 ? memory.Float(_arguments.Input, row, source) : 0f);
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
            foreach (CopyRun run in _runs)
            {
                if (run.Source < 0)
                {
                    Clear(output + run.Target, run.Count, run.IsWide);
                }
                else
                {
                    Copy(input + run.Source, output + run.Target, run.Count, run.IsWide);
                }
            }

            input += _arguments.Input.RowStrideElements;
            output += _arguments.Output.RowStrideElements;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(ColumnMapKernel.Run, checked(items * RowsPerItem * _arguments.Columns), _arguments);

    // Runs are short (a triangle of 27 columns has 26 of 1 to 26 words), so that a call for each would cost more than its words.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(float* from, float* to, int count, bool isWide)
    {
        int column = 0;
        int wide = isWide ? count : count - count % Vector256<float>.Count;
        for (; column < wide; column += Vector256<float>.Count)
        {
            Vector256.Load(from + column).Store(to + column);
        }

        for (; column < count; column++)
        {
            to[column] = from[column];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Clear(float* to, int count, bool isWide)
    {
        int column = 0;
        int wide = isWide ? count : count - count % Vector256<float>.Count;
        for (; column < wide; column += Vector256<float>.Count)
        {
            Vector256<float>.Zero.Store(to + column);
        }

        for (; column < count; column++)
        {
            to[column] = 0f;
        }
    }

    /// <summary>Neighbouring columns that come from neighbouring columns (or from nowhere) are one copy.</summary>
    private static CopyRun[] FindRuns(ImmutableArray<int> map)
    {
        var runs = new List<CopyRun>();
        int begin = 0;
        int inputColumns = map.IsEmpty ? 0 : map.Max() + 1;
        for (int column = 1; column <= map.Length; column++)
        {
            bool goesOn = column < map.Length
                && (map[begin] < 0 ? map[column] < 0 : map[column] == map[begin] + (column - begin));
            if (!goesOn)
            {
                int count = column - begin;
                int rounded = (count + Vector256<float>.Count - 1) / Vector256<float>.Count * Vector256<float>.Count;
                bool isWide = (map[begin] < 0 || map[begin] + rounded <= inputColumns) && begin + rounded <= map.Length;
                runs.Add(new CopyRun(map[begin], begin, count, isWide));
                begin = column;
            }
        }

        return map.IsEmpty ? [] : [.. runs];
    }

    /// <param name="IsWide">
    /// True if it may be written in whole vectors: what is copied too much lies in the row, and later runs write it again.
    /// </param>
    private readonly record struct CopyRun(int Source, int Target, int Count, bool IsWide);
}
