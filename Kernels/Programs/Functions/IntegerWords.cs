namespace RduEmu.Kernels.Programs.Functions;

/// <summary>
/// A function of 64-bit words: integers by value, float64 by its bits, the other floats by their binary32 bits
/// (<see cref="Memory.ElementCode"/>). Inputs that it does not name are ignored.
/// </summary>
public interface IWordFunction
{
    static abstract long Apply(long x, long y, long z);
}

/// <summary>x: a copy, or a cast between integer types.</summary>
public readonly struct CopyWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x;
}

/// <summary>y: a value that replaces another.</summary>
public readonly struct SecondWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => y;
}

/// <summary>0, which is also +0.</summary>
public readonly struct ZeroWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => 0;
}

/// <summary>x + y, wrapping.</summary>
public readonly struct AddWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => unchecked(x + y);
}

/// <summary>x - y, wrapping.</summary>
public readonly struct SubWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => unchecked(x - y);
}

/// <summary>x · y, wrapping.</summary>
public readonly struct MulWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => unchecked(x * y);
}

/// <summary>x · y + z, wrapping.</summary>
public readonly struct MultiplyAddWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => unchecked(x * y + z);
}

/// <summary>x / y towards zero, wrapping; 0 where y = 0.</summary>
public readonly struct DivWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => y == 0 ? 0 : y == -1 ? unchecked(-x) : x / y;
}

/// <summary>x / y of unsigned 64-bit values; 0 where y = 0.</summary>
public readonly struct DivUnsignedWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => y == 0 ? 0 : (long)((ulong)x / (ulong)y);
}

/// <summary>The remainder with the sign of the divisor; 0 where y = 0.</summary>
public readonly struct ModWord : IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        if (y == 0 || y == -1)
        {
            return 0;
        }

        long rest = x % y;
        return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
    }
}

/// <summary>The remainder with the sign of the dividend; 0 where y = 0.</summary>
public readonly struct RemWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => y == 0 || y == -1 ? 0 : x % y;
}

/// <summary>The remainder of unsigned 64-bit values; 0 where y = 0.</summary>
public readonly struct ModUnsignedWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => y == 0 ? 0 : (long)((ulong)x % (ulong)y);
}

/// <summary>-x, wrapping.</summary>
public readonly struct NegWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => unchecked(-x);
}

/// <summary>|x|, wrapping.</summary>
public readonly struct AbsWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x < 0 ? unchecked(-x) : x;
}

/// <summary>-1, 0 or 1.</summary>
public readonly struct SignWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x < 0 ? -1 : x > 0 ? 1 : 0;
}

/// <summary>The sign of an unsigned 64-bit value: 0 or 1.</summary>
public readonly struct SignUnsignedWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x != 0 ? 1 : 0;
}

/// <summary>The smaller.</summary>
public readonly struct MinWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x < y ? x : y;
}

/// <summary>The larger.</summary>
public readonly struct MaxWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x < y ? y : x;
}

/// <summary>The smaller of unsigned 64-bit values.</summary>
public readonly struct MinUnsignedWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => (ulong)x < (ulong)y ? x : y;
}

/// <summary>The larger of unsigned 64-bit values.</summary>
public readonly struct MaxUnsignedWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => (ulong)x < (ulong)y ? y : x;
}

/// <summary>min(max(x, y), z).</summary>
public readonly struct ClipWord : IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        long raised = x < y ? y : x;
        return z < raised ? z : raised;
    }
}

/// <summary>min(max(x, y), z) of unsigned 64-bit values.</summary>
public readonly struct ClipUnsignedWord : IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        long raised = (ulong)x < (ulong)y ? y : x;
        return (ulong)z < (ulong)raised ? z : raised;
    }
}

/// <summary>A row of a table of y rows: x, or y + x of a negative x; -1 where there is no such row.</summary>
public readonly struct TableIndexWord : IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        long row = x < 0 ? x + y : x;
        return row >= 0 && row < y ? row : -1;
    }
}

/// <summary>1 where x = y, else 0.</summary>
public readonly struct EqualWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x == y ? 1 : 0;
}

/// <summary>1 where x &lt; y, else 0.</summary>
public readonly struct LessWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x < y ? 1 : 0;
}

/// <summary>1 where x &lt;= y, else 0.</summary>
public readonly struct LessOrEqualWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x <= y ? 1 : 0;
}

/// <summary>1 where x &lt; y as unsigned 64-bit values, else 0.</summary>
public readonly struct LessUnsignedWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => (ulong)x < (ulong)y ? 1 : 0;
}

/// <summary>1 where x &lt;= y as unsigned 64-bit values, else 0.</summary>
public readonly struct LessOrEqualUnsignedWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => (ulong)x <= (ulong)y ? 1 : 0;
}

/// <summary>1 where x &gt; y, else 0.</summary>
public readonly struct GreaterWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x > y ? 1 : 0;
}

/// <summary>1 where x &gt;= y, else 0.</summary>
public readonly struct GreaterOrEqualWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x >= y ? 1 : 0;
}

/// <summary>1 where x &gt; y as unsigned 64-bit values, else 0.</summary>
public readonly struct GreaterUnsignedWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => (ulong)x > (ulong)y ? 1 : 0;
}

/// <summary>1 where x &gt;= y as unsigned 64-bit values, else 0.</summary>
public readonly struct GreaterOrEqualUnsignedWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => (ulong)x >= (ulong)y ? 1 : 0;
}

/// <summary>x and y, bit by bit.</summary>
public readonly struct AndWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x & y;
}

/// <summary>x or y, bit by bit.</summary>
public readonly struct OrWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x | y;
}

/// <summary>x exclusive-or y, bit by bit.</summary>
public readonly struct XorWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x ^ y;
}

/// <summary>The complement of x.</summary>
public readonly struct ComplementWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => ~x;
}

/// <summary>x shifted left by y bits; 0 from 64 bits on.</summary>
public readonly struct ShiftLeftWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => y < 0 || y > 63 ? 0 : x << (int)y;
}

/// <summary>x, unsigned, shifted right by y bits; 0 from 64 bits on.</summary>
public readonly struct ShiftRightWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => y < 0 || y > 63 ? 0 : (long)((ulong)x >> (int)y);
}

/// <summary>y where x is not 0, else z.</summary>
public readonly struct WhereWord : IWordFunction
{
    public static long Apply(long x, long y, long z) => x != 0 ? y : z;
}

/// <summary>x to the power of y, wrapping; to a negative power 0, but for x = 1 and x = -1.</summary>
public readonly struct PowWord : IWordFunction
{
    public static long Apply(long x, long y, long z)
    {
        if (y < 0)
        {
            return x == 1 ? 1 : x == -1 ? ((y & 1) != 0 ? -1 : 1) : 0;
        }

        long result = 1;
        long factor = x;
        for (long rest = y; rest > 0; rest >>= 1)
        {
            if ((rest & 1) != 0)
            {
                result = unchecked(result * factor);
            }

            factor = unchecked(factor * factor);
        }

        return result;
    }
}
