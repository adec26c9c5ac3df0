using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates.Map;

namespace RduEmu.Kernels.Templates.RowReduce;

/// <summary>What the kernel needs besides its program.</summary>
public readonly record struct RowMeanSquareArguments(Operand X, Operand Output, SlotTable Slots, int Width);

/// <summary>
/// Template <c>RowReduce</c>: y[r, 0] = program(r), where the program's leaf <see cref="Accumulated"/> is
/// (sum over c of x[r, c]²) / width, summed in <see cref="RowOrder"/>. The output may be one of the program's inputs.
/// </summary>
/// <remarks>x: [R, width], width at least 1; output: [R, 1].</remarks>
public sealed unsafe class RowMeanSquareUnit<TProgram> : ConfiguredUnit
    where TProgram : struct, IProgram
{
    private readonly RowMeanSquareArguments _arguments;
    private readonly ProgramBinding _binding;

    public RowMeanSquareUnit(string name, int width, Operand x, Operand output, ProgramBinding binding)
        : base(name, rowsPerItem: 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        _arguments = new RowMeanSquareArguments(x, output, binding.Slots, width);
        _binding = binding;
    }

    public override long OperationsPerItem => 2L * _arguments.Width;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        var x = new float[_arguments.Width];
        for (int row = 0; row < items; row++)
        {
            for (int column = 0; column < x.Length; column++)
            {
                x[column] = memory.Float(_arguments.X, row, column);
            }

            float mean = Exact.Div(RowOrder.SumOfSquares(x), x.Length);
            var frame = new InterpreterFrame(memory, _arguments.Slots, row, 0, mean);
            memory.Store(_arguments.Output, row, 0, TProgram.Evaluate<ScalarLane, float, int, InterpreterFrame>(in frame));
        }
    }

    public override void Run(in HostTile tile)
    {
        float** rows = stackalloc float*[SlotTable.MaximumSlots];
        nint* strides = stackalloc nint[SlotTable.MaximumSlots];
        _binding.Bind(in tile, 1, 0, rows, strides);
        for (int row = 0; row < tile.ItemCount; row++)
        {
            float mean = RowOrder.SumOfSquares(new ReadOnlySpan<float>(tile.Row(_arguments.X, 1, row), _arguments.Width)) / _arguments.Width;
            EpilogueHost.Row<TProgram>(rows, &mean, tile.Row(_arguments.Output, 1, row), 0, 1);
            for (int slot = 0; slot < _binding.Count; slot++)
            {
                rows[slot] += strides[slot];
            }
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(RowMeanSquareKernel.Run<TProgram>, items, _arguments);
}
