using System.Runtime.CompilerServices;

namespace RduEmu.Kernels.Memory;

/// <summary>
/// How an element lies in the arena's 32-bit words, as a plain integer for kernels. Types of at most 32 bits take one word:
/// binary16 and bf16 as the binary32 of the same value, signed integers sign-extended, unsigned ones zero-extended, false and
/// true as 0 and 1. Types of 64 bits take two words, the lower first.
/// </summary>
public static class ElementCode
{
    public const int Float32 = 0;
    public const int Float16 = 1;
    public const int BFloat16 = 2;
    public const int Float64 = 3;
    public const int Bool = 4;
    public const int Int8 = 5;
    public const int UInt8 = 6;
    public const int Int16 = 7;
    public const int UInt16 = 8;
    public const int Int32 = 9;
    public const int UInt32 = 10;
    public const int Int64 = 11;
    public const int UInt64 = 12;
    public const int Int4 = 13;
    public const int UInt4 = 14;
    public const int Int2 = 15;
    public const int UInt2 = 16;

    /// <summary>Words that one element takes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Words(int code) => code == Float64 || code == Int64 || code == UInt64 ? 2 : 1;

    /// <summary>The 64-bit value of an element: integers by value, float64 by its bits, the other floats by their binary32 bits.</summary>
    /// <param name="upper">The second word; ignored for types of one word.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Widen(int code, int lower, int upper)
    {
        if (Words(code) == 2)
        {
            return (long)(((ulong)(uint)upper << 32) | (uint)lower);
        }

        return code == UInt32 ? (uint)lower : lower;
    }

    /// <summary>The lower word of a value as an element of this type: integers keep their lower bits, extended; a bool is whether it is not 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Lower(int code, long value)
    {
        if (code < Bool)
        {
            return (int)value;
        }

        if (code == Bool)
        {
            return value != 0 ? 1 : 0;
        }

        if (code == Int8)
        {
            return (sbyte)value;
        }

        if (code == UInt8)
        {
            return (int)(value & 0xFF);
        }

        if (code == Int16)
        {
            return (short)value;
        }

        if (code >= Int4)
        {
            int shift = code >= Int2 ? 30 : 28;
            int upper = (int)value << shift;
            return code == Int4 || code == Int2 ? upper >> shift : (int)((uint)upper >> shift);
        }

        return code == UInt16 ? (int)(value & 0xFFFF) : (int)value;
    }
}
