using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Templates.Random;

/// <summary>What the kernel needs.</summary>
public readonly record struct RandomArguments(Operand Output, Operand Step, int Columns, int Seed, int Stream, float A, float B);

/// <summary>
/// Template <c>Random</c>: out[r, c] = the number of element r · columns + c, r being the absolute row, at the step that an arena
/// word holds, under the key (seed, stream) (<see cref="RandomElement"/>). So tiles, batches' splits and devices do not change
/// it, and a step that is run again with the same word draws the same.
/// </summary>
/// <typeparam name="TDistribution">What is drawn, and what its parameters a and b mean.</typeparam>
public sealed unsafe class RandomUnit<TDistribution> : ConfiguredUnit
    where TDistribution : struct, IRandomDistribution
{
    /// <summary>A draw counts as one operation: nearly all of it is integer work.</summary>
    private const int OperationsPerElement = 1;

    private readonly Operand _output;
    private readonly Operand _step;
    private readonly int _columns;
    private readonly int _seed;
    private readonly int _stream;
    private readonly float _a;
    private readonly float _b;

    /// <param name="name">For people.</param>
    /// <param name="rowsPerItem">Rows of the output for each item.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="output">Where the numbers go.</param>
    /// <param name="step">An arena word, the step as an integer.</param>
    /// <param name="seed">First word of the key.</param>
    /// <param name="stream">Second word of the key: one for each use of random numbers in a program.</param>
    /// <param name="a">The distribution's first parameter.</param>
    /// <param name="b">The distribution's second parameter.</param>
    public RandomUnit(string name, int rowsPerItem, int columns, Operand output, Operand step, int seed, int stream, float a, float b)
        : base(name, rowsPerItem)
    {
        _output = output;
        _step = step;
        _columns = columns;
        _seed = seed;
        _stream = stream;
        _a = a;
        _b = b;
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)RowsPerItem * _columns * OperationsPerElement;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        int step = memory.Int(_step, 0, 0);
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            for (int column = 0; column < _columns; column++)
            {
                memory.Store(_output, row, column, RandomHost.Draw<TDistribution>(row * _columns + column, step, _seed, _stream, _a, _b));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        int step = *(int*)tile.Whole(_step);
        tile.Share(_columns, WideLane.WidthElements, out int begin, out int end);
        long rowCount = (long)tile.ItemCount * RowsPerItem;
        long row = (long)tile.ItemBegin * RowsPerItem;
        if (begin >= end || rowCount == 0)
        {
            return;
        }

        float* target = tile.Row(_output, RowsPerItem, 0);
        if (begin == 0 && end == _columns && _output.RowStrideElements == _columns)
        {
            // Rows without gaps are one long row: narrow ones, too, then fill the wide lanes.
            RandomHost.Fill<TDistribution>(target, row * _columns, (nint)(rowCount * _columns), step, _seed, _stream, _a, _b);
            return;
        }

        for (long i = 0; i < rowCount; i++)
        {
            RandomHost.Fill<TDistribution>(
                target + i * _output.RowStrideElements + begin, (row + i) * _columns + begin, end - begin, step, _seed, _stream, _a, _b);
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(
            RandomKernel.Run<TDistribution>,
            checked(items * RowsPerItem * _columns),
            new RandomArguments(_output, _step, _columns, _seed, _stream, _a, _b));
}
