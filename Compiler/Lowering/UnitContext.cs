using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;

namespace RduEmu.Compiler.Lowering;

/// <summary>Where everything lies, for a stage that makes its units.</summary>
/// <param name="Graph">The graph.</param>
/// <param name="Items">An operand whose row is an item: in the arena, or in the scratch of the stage's pipeline.</param>
/// <param name="Arena">The same in the arena.</param>
/// <param name="Packed">A packed weight.</param>
/// <param name="Table">A constant row of integers.</param>
/// <param name="DeviceWorkspace">What <see cref="StageRequests.DeviceWorkspace"/> asked for, as rows of so many words; nothing on the host.</param>
/// <param name="ScratchOffsetElements">Where the stage's own scratch begins.</param>
public sealed record UnitContext(
    Graph Graph,
    Func<ValueId, Operand> Items,
    Func<ValueId, Operand> Arena,
    Func<PackedInput, Operand> Packed,
    Func<EquatableArray<int>, Operand> Table,
    Func<ValueId, int, Operand> DeviceWorkspace,
    long ScratchOffsetElements)
{
    public TensorType TypeOf(ValueId value) => Graph[value].Type;

    /// <summary>Rows that an item of the value has: its last axis is columns, all axes between the first and the last are rows.</summary>
    public int RowsPerItem(ValueId value) => Sectioning.RowsPerItem(TypeOf(value));

    /// <summary>Extent of the last axis of a value with samples; columns of a whole value as a matrix.</summary>
    public int Columns(ValueId value) => Sectioning.ColumnsPerRow(TypeOf(value));

    /// <summary>An operand whose row r of item b is row b * RowsPerItem + r, of <see cref="Columns"/> columns.</summary>
    public Operand Rows(ValueId value)
    {
        Operand items = Items(value);
        return RowsPerItem(value) == 1 ? items : new Operand(items.OffsetElements, items.IsPaired ? Columns(value) / 2 : Columns(value), items.Space, items.Format);
    }

    /// <summary>The inputs of a program over the rows of its stage's output.</summary>
    public ProgramBinding Bind(FusedProgram program) => Bind(program, Rows);

    /// <summary>The inputs of a program over rows of another length.</summary>
    /// <param name="rows">An input as rows.</param>
    public static ProgramBinding Bind(FusedProgram program, Func<ValueId, Operand> rows)
    {
        ImmutableArray<Operand> operands = [.. program.Inputs.Select(rows)];
        ImmutableArray<SlotAccess> accesses = [.. program.Accesses.Select(access => (SlotAccess)access)];
        return new ProgramBinding(operands.AsSpan(), accesses.AsSpan());
    }

    /// <summary>A unit whose type is closed over program types.</summary>
    public static ConfiguredUnit Generic(Type open, Type[] programs, params object?[] arguments) =>
        (ConfiguredUnit)Activator.CreateInstance(open.MakeGenericType(programs), arguments)!;
}
