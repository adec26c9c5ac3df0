using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Numerics;

/// <summary>
/// bf16 as it is stored: two to a word, the element of the even column in the lower half (so a row is an array of 16-bit words in
/// memory). Widening is exact.
/// </summary>
public static unsafe class BFloat16Pairs
{
    private const int UpperHalf = unchecked((int)0xFFFF0000);

    /// <summary>Sixteen neighbouring elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(ushort* elements)
    {
        (Vector256<uint> lower, Vector256<uint> upper) = Vector256.Widen(Vector256.Load(elements));
        return Vector512.Create(lower << 16, upper << 16).AsSingle();
    }

    /// <summary>Eight neighbouring elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadHalf(ushort* elements)
    {
        (Vector128<uint> lower, Vector128<uint> upper) = Vector128.Widen(Vector128.Load(elements));
        return Vector256.Create(lower << 16, upper << 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Widen(ushort element) => BitConverter.UInt32BitsToSingle((uint)element << 16);

    /// <summary>target[i] = elements[i], widened.</summary>
    public static void Widen(ushort* elements, float* target, nint count)
    {
        nint i = 0;
        for (; i + WideLane.WidthElements <= count; i += WideLane.WidthElements)
        {
            Load(elements + i).Store(target + i);
        }

        for (; i + 4 <= count; i += 4)
        {
            Vector128<uint> bits = Vector128.WidenLower(Vector64.Load(elements + i).ToVector128());
            (bits << 16).AsSingle().Store(target + i);
        }

        for (; i < count; i++)
        {
            target[i] = Widen(elements[i]);
        }
    }

    /// <summary>Stores sixteen values that are bf16 already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> rounded, ushort* elements)
    {
        Vector512<uint> bits = rounded.AsUInt32() >>> 16;
        Vector256.Narrow(bits.GetLower(), bits.GetUpper()).Store(elements);
    }

    /// <summary>Stores eight values that are bf16 already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> rounded, ushort* elements)
    {
        Vector256<uint> bits = rounded.AsUInt32() >>> 16;
        Vector128.Narrow(bits.GetLower(), bits.GetUpper()).Store(elements);
    }

    /// <summary>An element of an operand of pairs on a device.</summary>
    public static float Element(ArrayView<float> arena, Operand operand, long row, int column)
    {
        int pair = ScalarLane.AsInt(arena[operand.At(row, column >> 1)]);
        return ScalarLane.AsFloat((column & 1) == 0 ? pair << 16 : pair & UpperHalf);
    }

    /// <summary>An element of an operand on a device, whatever its words hold.</summary>
    public static float ElementOf(ArrayView<float> arena, Operand operand, long row, int column) =>
        operand.Format == OperandFormat.Pairs ? Element(arena, operand, row, column) : arena[operand.At(row, column)];

    /// <summary>The word of two neighbours, both bf16 already.</summary>
    public static int Pair(float even, float odd) =>
        ScalarLane.ShiftRightLogical(ScalarLane.AsInt(even), 16) | (ScalarLane.AsInt(odd) & UpperHalf);
}
