using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.Round;

/// <summary>How a value becomes a bf16.</summary>
public enum RoundingKind
{
    /// <summary>To the nearest, of two equally near ones the one whose last bit is 0.</summary>
    Nearest,

    /// <summary>To one of the two around it, so that the mean over all random words is the value.</summary>
    Stochastic,
}

/// <summary>What the kernel needs besides its program.</summary>
/// <param name="Output">Pairs of bf16.</param>
/// <param name="Numbers">One integer for each item; one for all where <paramref name="RowsPerNumber"/> is 0.</param>
/// <param name="RowsPerNumber">Rows of an item that has a number of its own; 0 where elements are counted over all rows.</param>
/// <param name="Stochastic">1 for stochastic rounding.</param>
public readonly record struct RoundArguments(
    Operand Output, Operand Numbers, SlotTable Slots, int Columns, int RowsPerNumber, int Stochastic, int Seed, int Stream);

/// <summary>
/// Template <c>Round</c>: out[r, c] = bf16(program(r, c)), stored as two to a word: what a PMU's down-cast does on its way in. The
/// only writer of bf16: every other template computes in binary32.
/// </summary>
/// <remarks>
/// The random bits are those of <see cref="RoundingDraw"/>: an element is counted within its item (row · columns + column) and the
/// item's number is its own; or within the whole value, with one number for all (a parameter, numbered by the step). Columns are even.
/// </remarks>
public sealed unsafe class RoundUnit<TProgram> : ConfiguredUnit
    where TProgram : struct, IProgram
{
    private readonly RoundArguments _arguments;
    private readonly ProgramBinding _binding;
    private readonly int _operationsPerElement;

    /// <param name="name">For people.</param>
    /// <param name="rowsPerItem">Rows for each item.</param>
    /// <param name="columns">Elements of a row, an even number.</param>
    /// <param name="output">Pairs, rows without gaps within an item.</param>
    /// <param name="binding">The program's inputs.</param>
    /// <param name="operationsPerElement">Functions of the program.</param>
    /// <param name="kind">How it rounds.</param>
    /// <param name="numbers">Integers, see <see cref="RoundArguments"/>; not read where it rounds to nearest.</param>
    /// <param name="numbersItems">True if each item has a number.</param>
    /// <param name="seed">First word of the key.</param>
    /// <param name="stream">Second word: one for each rounding of a model.</param>
    public RoundUnit(
        string name, int rowsPerItem, int columns, Operand output, ProgramBinding binding, int operationsPerElement, RoundingKind kind, Operand numbers,
        bool numbersItems, int seed, int stream)
        : base(name, rowsPerItem)
    {
        if (!output.IsPaired || columns % 2 != 0)
        {
            throw new ArgumentException($"{name}: {columns} columns in {output} are not pairs", nameof(output));
        }

        _arguments = new RoundArguments(
            output, numbers, binding.Slots, columns, numbersItems ? rowsPerItem : 0, kind == RoundingKind.Stochastic ? 1 : 0, seed, stream);
        _binding = binding;
        _operationsPerElement = operationsPerElement + 1;
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)RowsPerItem * _arguments.Columns * _operationsPerElement;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        RoundArguments p = _arguments;
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            for (int column = 0; column < p.Columns; column++)
            {
                var frame = new InterpreterFrame(memory, p.Slots, row, column);
                float value = TProgram.Evaluate<ScalarLane, float, int, InterpreterFrame>(in frame);
                if (p.Stochastic == 0)
                {
                    memory.Store(p.Output, row, column, BFloat16.NearestEven<ScalarLane, float, int>(value));
                    continue;
                }

                long item = p.RowsPerNumber == 0 ? 0 : row / p.RowsPerNumber;
                long element = (row - item * p.RowsPerNumber) * p.Columns + column;
                int bits = RoundingDraw.Bits(element, memory.Int(p.Numbers, item, 0), p.Seed, p.Stream);
                memory.Store(p.Output, row, column, BFloat16.Stochastic<ScalarLane, float, int>(value, bits));
            }
        }
    }

    public override void Run(in HostTile tile) => RoundHost.Run<TProgram>(in tile, RowsPerItem, in _arguments, _binding);

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(RoundKernel.Run<TProgram>, checked(items * RowsPerItem * (_arguments.Columns / 2)), _arguments);
}
