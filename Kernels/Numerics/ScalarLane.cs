using System.Runtime.CompilerServices;
using ILGPU;

namespace RduEmu.Kernels.Numerics;

/// <summary>One value: a GPU thread's lane, and the interpreter's.</summary>
public readonly struct ScalarLane : ILane<float, int>
{
    public static int WidthElements => 1;

    public static float Constant(float value) => value;
    public static int ConstantInt(int value) => value;

    public static float Add(float a, float b) => Exact.Add(a, b);
    public static float Sub(float a, float b) => Exact.Sub(a, b);
    public static float Mul(float a, float b) => Exact.Mul(a, b);
    public static float Fma(float a, float b, float c) => Exact.Fma(a, b, c);
    public static float Div(float a, float b) => Exact.Div(a, b);
    public static float Sqrt(float a) => Exact.Sqrt(a);
    public static float Negate(float a) => AsFloat(AsInt(a) ^ int.MinValue);
    public static float Abs(float a) => AsFloat(AsInt(a) & int.MaxValue);

    public static int Less(float a, float b) => a < b ? -1 : 0;
    public static int LessOrEqual(float a, float b) => a <= b ? -1 : 0;
    public static int Equal(float a, float b) => a == b ? -1 : 0;
    public static float Select(int mask, float whenSet, float whenClear) => mask != 0 ? whenSet : whenClear;
    public static int SelectInt(int mask, int whenSet, int whenClear) => mask != 0 ? whenSet : whenClear;
    public static bool IsAnySet(int mask) => mask != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int AsInt(float a) => (int)Interop.FloatAsInt(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float AsFloat(int a) => Interop.IntAsFloat((uint)a);

    public static int Truncate(float a) => (int)a;
    public static float Convert(int a) => a;

    public static int AddInt(int a, int b) => unchecked(a + b);
    public static int SubInt(int a, int b) => unchecked(a - b);
    public static int MulInt(int a, int b) => unchecked(a * b);
    public static int MulHighUnsigned(int a, int b) => (int)(((ulong)(uint)a * (uint)b) >> 32);
    public static int And(int a, int b) => a & b;
    public static int Or(int a, int b) => a | b;
    public static int Xor(int a, int b) => a ^ b;
    public static int ShiftLeft(int a, int bits) => a << bits;
    public static int ShiftRightLogical(int a, int bits) => (int)((uint)a >> bits);
    public static int ShiftRightArithmetic(int a, int bits) => a >> bits;
    public static int LessInt(int a, int b) => a < b ? -1 : 0;
    public static int EqualInt(int a, int b) => a == b ? -1 : 0;
}
