using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Programs;

/// <summary>
/// What a chain of PCU stages computes at one element: a closed generic type such as
/// <c>Unary&lt;Relu, Binary&lt;Add, Full&lt;S0&gt;, PerColumn&lt;S1&gt;&gt;&gt;</c>, put together from the graph by
/// <see cref="ProgramTree"/>. ILGPU and the .NET JIT specialise it; the bits do not depend on which of them runs it.
/// </summary>
public interface IProgram
{
    static abstract TFloat Evaluate<TLane, TFloat, TInt, TFrame>(in TFrame frame)
        where TLane : struct, ILane<TFloat, TInt>
        where TFloat : unmanaged
        where TInt : unmanaged
        where TFrame : struct, IFrame<TFloat>;
}

/// <summary>The element (or sixteen neighbouring elements of a row) at which a program is evaluated, and its inputs there.</summary>
public interface IFrame<TFloat>
    where TFloat : unmanaged
{
    /// <summary>in[row, column].</summary>
    TFloat Full<TSlot>()
        where TSlot : struct, ISlot;

    /// <summary>in[row, column], where the operand's words hold two bf16 each; widened, which is exact.</summary>
    TFloat Paired<TSlot>()
        where TSlot : struct, ISlot;

    /// <summary>in[column], the same for all rows: a bias.</summary>
    TFloat PerColumn<TSlot>()
        where TSlot : struct, ISlot;

    /// <summary>in[row, 0], the same for all columns: a row's sum.</summary>
    TFloat PerRow<TSlot>()
        where TSlot : struct, ISlot;

    /// <summary>in[0]: a learning rate.</summary>
    TFloat Uniform<TSlot>()
        where TSlot : struct, ISlot;

    /// <summary>The value that the template itself computed for this element (the sum, in an epilogue of a contraction).</summary>
    TFloat Accumulated { get; }
}

/// <summary>Which of a program's inputs is meant; types, so that the choice costs nothing at run time.</summary>
public interface ISlot
{
    static abstract int Index { get; }

    static abstract Operand Of(in SlotTable slots);

    static abstract NdOperand Of(in NdSlots slots);
}

/// <summary>The inputs of a program; at most eight (a PCU has that many input FIFOs or fewer).</summary>
public struct SlotTable
{
    public const int MaximumSlots = 8;

    public Operand Slot0;
    public Operand Slot1;
    public Operand Slot2;
    public Operand Slot3;
    public Operand Slot4;
    public Operand Slot5;
    public Operand Slot6;
    public Operand Slot7;

    public static SlotTable From(ReadOnlySpan<Operand> operands)
    {
        if (operands.Length > MaximumSlots)
        {
            throw new ArgumentException($"a program has at most {MaximumSlots} inputs, not {operands.Length}", nameof(operands));
        }

        Span<Operand> all = stackalloc Operand[MaximumSlots];
        operands.CopyTo(all);
        return new SlotTable
        {
            Slot0 = all[0],
            Slot1 = all[1],
            Slot2 = all[2],
            Slot3 = all[3],
            Slot4 = all[4],
            Slot5 = all[5],
            Slot6 = all[6],
            Slot7 = all[7],
        };
    }
}

public readonly struct S0 : ISlot { public static int Index => 0; public static Operand Of(in SlotTable slots) => slots.Slot0; public static NdOperand Of(in NdSlots slots) => slots.Slot0; }

public readonly struct S1 : ISlot { public static int Index => 1; public static Operand Of(in SlotTable slots) => slots.Slot1; public static NdOperand Of(in NdSlots slots) => slots.Slot1; }

public readonly struct S2 : ISlot { public static int Index => 2; public static Operand Of(in SlotTable slots) => slots.Slot2; public static NdOperand Of(in NdSlots slots) => slots.Slot2; }

public readonly struct S3 : ISlot { public static int Index => 3; public static Operand Of(in SlotTable slots) => slots.Slot3; public static NdOperand Of(in NdSlots slots) => slots.Slot3; }

public readonly struct S4 : ISlot { public static int Index => 4; public static Operand Of(in SlotTable slots) => slots.Slot4; public static NdOperand Of(in NdSlots slots) => slots.Slot4; }

public readonly struct S5 : ISlot { public static int Index => 5; public static Operand Of(in SlotTable slots) => slots.Slot5; public static NdOperand Of(in NdSlots slots) => slots.Slot5; }

public readonly struct S6 : ISlot { public static int Index => 6; public static Operand Of(in SlotTable slots) => slots.Slot6; public static NdOperand Of(in NdSlots slots) => slots.Slot6; }

public readonly struct S7 : ISlot { public static int Index => 7; public static Operand Of(in SlotTable slots) => slots.Slot7; public static NdOperand Of(in NdSlots slots) => slots.Slot7; }
