using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;

namespace RduEmu.Kernels.Templates.Map;

/// <summary>What a map kernel needs besides its program.</summary>
public readonly record struct MapArguments(Operand Output, SlotTable Slots, int Columns);

/// <summary>
/// Template <c>Map</c>: out[r, c] = program(r, c), every element by itself. The output may be one of the inputs.
/// </summary>
/// <typeparam name="TProgram">At most eight stages deep: deeper, the .NET JIT stops inlining and speed falls twelvefold.</typeparam>
public sealed class MapUnit<TProgram> : ConfiguredUnit
    where TProgram : struct, IProgram
{
    private readonly Operand _output;
    private readonly ProgramBinding _binding;
    private readonly int _columns;
    private readonly int _operationsPerElement;

    public MapUnit(string name, int rowsPerItem, int columns, Operand output, ProgramBinding binding, int operationsPerElement)
        : base(name, rowsPerItem)
    {
        _output = output;
        _binding = binding;
        _columns = columns;
        _operationsPerElement = operationsPerElement;
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => (long)RowsPerItem * _columns * _operationsPerElement;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        for (long row = 0; row < (long)items * RowsPerItem; row++)
        {
            for (int column = 0; column < _columns; column++)
            {
                var frame = new InterpreterFrame(memory, _binding.Slots, row, column);
                memory.Store(_output, row, column, TProgram.Evaluate<ScalarLane, float, int, InterpreterFrame>(in frame));
            }
        }
    }

    public override unsafe void Run(in HostTile tile)
    {
        tile.Share(_columns, WideLane.WidthElements, out int begin, out int end);
        MapHost.Run<TProgram>(in tile, RowsPerItem, _output, _binding, begin, end, wholeRows: begin == 0 && end == _columns);
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(MapKernel.Run<TProgram>, checked(items * RowsPerItem * _columns), new MapArguments(_output, _binding.Slots, _columns));
}
