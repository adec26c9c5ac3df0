using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FloatHalf = System.Runtime.Intrinsics.Vector256<float>;
using IntHalf = System.Runtime.Intrinsics.Vector256<int>;

namespace RduEmu.Kernels.Numerics;

/// <summary>
/// Eight values, half of a PCU's lanes: for hosts without 512-bit registers. There each operation of <see cref="WideLane"/> is two
/// that the JIT must inline first, and a program of some length is more than it inlines: an exponential took 7 ns an element, with
/// half lanes a tenth of that. Nothing but the speed depends on the choice.
/// </summary>
public readonly struct HalfLane : ILane<FloatHalf, IntHalf>
{
    /// <summary>True where half lanes are the better ones.</summary>
    public static bool IsPreferred
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => !Vector512.IsHardwareAccelerated && Vector256.IsHardwareAccelerated;
    }

    public static int WidthElements => 8;

    public static FloatHalf Constant(float value) => Vector256.Create(value);
    public static IntHalf ConstantInt(int value) => Vector256.Create(value);

    public static FloatHalf Add(FloatHalf a, FloatHalf b) => a + b;
    public static FloatHalf Sub(FloatHalf a, FloatHalf b) => a - b;
    public static FloatHalf Mul(FloatHalf a, FloatHalf b) => a * b;
    public static FloatHalf Fma(FloatHalf a, FloatHalf b, FloatHalf c) => Vector256.FusedMultiplyAdd(a, b, c);
    public static FloatHalf Div(FloatHalf a, FloatHalf b) => a / b;
    public static FloatHalf Sqrt(FloatHalf a) => Vector256.Sqrt(a);
    public static FloatHalf Negate(FloatHalf a) => (a.AsInt32() ^ Vector256.Create(int.MinValue)).AsSingle();
    public static FloatHalf Abs(FloatHalf a) => (a.AsInt32() & Vector256.Create(int.MaxValue)).AsSingle();

    public static IntHalf Less(FloatHalf a, FloatHalf b) => Vector256.LessThan(a, b).AsInt32();
    public static IntHalf LessOrEqual(FloatHalf a, FloatHalf b) => Vector256.LessThanOrEqual(a, b).AsInt32();
    public static IntHalf Equal(FloatHalf a, FloatHalf b) => Vector256.Equals(a, b).AsInt32();

    public static FloatHalf Select(IntHalf mask, FloatHalf whenSet, FloatHalf whenClear) =>
        Vector256.ConditionalSelect(mask.AsSingle(), whenSet, whenClear);

    public static IntHalf SelectInt(IntHalf mask, IntHalf whenSet, IntHalf whenClear) =>
        Vector256.ConditionalSelect(mask, whenSet, whenClear);

    public static bool IsAnySet(IntHalf mask) => mask != IntHalf.Zero;

    public static IntHalf AsInt(FloatHalf a) => a.AsInt32();
    public static FloatHalf AsFloat(IntHalf a) => a.AsSingle();
    public static IntHalf Truncate(FloatHalf a) => Vector256.ConvertToInt32Native(a);
    public static FloatHalf Convert(IntHalf a) => Vector256.ConvertToSingle(a);

    public static IntHalf AddInt(IntHalf a, IntHalf b) => a + b;
    public static IntHalf SubInt(IntHalf a, IntHalf b) => a - b;
    public static IntHalf MulInt(IntHalf a, IntHalf b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntHalf MulHighUnsigned(IntHalf a, IntHalf b)
    {
        // Even products stay in place after the shift; odd products already sit in the upper half. The products of two 32-bit
        // halves are one instruction, which a 64-bit multiplication is not.
        Vector256<ulong> even, odd;
        if (System.Runtime.Intrinsics.X86.Avx2.IsSupported)
        {
            even = System.Runtime.Intrinsics.X86.Avx2.Multiply(a.AsUInt32(), b.AsUInt32()) >> 32;
            odd = System.Runtime.Intrinsics.X86.Avx2.Multiply((a.AsUInt64() >> 32).AsUInt32(), (b.AsUInt64() >> 32).AsUInt32());
        }
        else
        {
            Vector256<ulong> low = Vector256.Create(0x0000_0000_FFFF_FFFFUL);
            even = ((a.AsUInt64() & low) * (b.AsUInt64() & low)) >> 32;
            odd = (a.AsUInt64() >> 32) * (b.AsUInt64() >> 32);
        }

        return ((odd & ~Vector256.Create(0x0000_0000_FFFF_FFFFUL)) | even).AsInt32();
    }

    public static IntHalf And(IntHalf a, IntHalf b) => a & b;
    public static IntHalf Or(IntHalf a, IntHalf b) => a | b;
    public static IntHalf Xor(IntHalf a, IntHalf b) => a ^ b;
    public static IntHalf ShiftLeft(IntHalf a, int bits) => a << bits;
    public static IntHalf ShiftRightLogical(IntHalf a, int bits) => a >>> bits;
    public static IntHalf ShiftRightArithmetic(IntHalf a, int bits) => a >> bits;
    public static IntHalf LessInt(IntHalf a, IntHalf b) => Vector256.LessThan(a, b);
    public static IntHalf EqualInt(IntHalf a, IntHalf b) => Vector256.Equals(a, b);
}
