using System.Collections.Immutable;

namespace RduEmu.Compiler.Graphs;

/// <summary>What one element of a value is.</summary>
public enum ElementType
{
    Float32,
    Float16,
    BFloat16,
    Float64,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Bool,
    Int4,
    UInt4,
    Int2,
    UInt2,
}

/// <summary>
/// How elements are stored. The arena counts in words of 32 bits. A float16 or bfloat16 is the word of the float32 with its value;
/// an integer of 8 or 16 bits is extended by its sign or by zeros; a bool is 0 or 1; elements of 64 bits take two words, the lower
/// first. Files and <see cref="HostTensor"/> hold every type in its own size, but integers of 4 and 2 bits, which ONNX packs, in a byte.
/// </summary>
public static class ElementTypes
{
    public static ImmutableArray<ElementType> All { get; } = [.. Enum.GetValues<ElementType>()];

    /// <summary>Words of the arena that one element takes.</summary>
    public static int WordsPerElement(this ElementType element) => element.SizeBytes() == sizeof(long) ? 2 : 1;

    /// <summary>Bytes of one element in a file.</summary>
    public static int SizeBytes(this ElementType element) => element switch
    {
        ElementType.Int8 or ElementType.UInt8 or ElementType.Bool or ElementType.Int4 or ElementType.UInt4 or ElementType.Int2 or ElementType.UInt2 => 1,
        ElementType.Float16 or ElementType.BFloat16 or ElementType.Int16 or ElementType.UInt16 => 2,
        ElementType.Float32 or ElementType.Int32 or ElementType.UInt32 => 4,
        _ => 8,
    };

    /// <summary>Bits that say which value it is.</summary>
    public static int Bits(this ElementType element) => element switch
    {
        ElementType.Int4 or ElementType.UInt4 => 4,
        ElementType.Int2 or ElementType.UInt2 => 2,
        _ => 8 * element.SizeBytes(),
    };

    /// <summary>True of integers of 4 and 2 bits: they are stored, moved, cast and quantised, not computed with.</summary>
    public static bool IsNarrow(this ElementType element) => element.Bits() < 8;

    public static bool IsFloat(this ElementType element) =>
        element is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16 or ElementType.Float64;

    public static bool IsSignedInteger(this ElementType element) =>
        element is ElementType.Int8 or ElementType.Int16 or ElementType.Int32 or ElementType.Int64 or ElementType.Int4 or ElementType.Int2;

    public static bool IsUnsignedInteger(this ElementType element) =>
        element is ElementType.UInt8 or ElementType.UInt16 or ElementType.UInt32 or ElementType.UInt64 or ElementType.UInt4 or ElementType.UInt2;

    public static bool IsInteger(this ElementType element) => element.IsSignedInteger() || element.IsUnsignedInteger();

    /// <summary>As it is printed with shapes: f32, bf16, i64 ...</summary>
    public static string ShortName(this ElementType element) => element switch
    {
        ElementType.BFloat16 => "bf16",
        ElementType.Bool => "bool",
        _ when element.IsFloat() => $"f{8 * element.SizeBytes()}",
        _ when element.IsSignedInteger() => $"i{element.Bits()}",
        _ => $"u{element.Bits()}",
    };
}
