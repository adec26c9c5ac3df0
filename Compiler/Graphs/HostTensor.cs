using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace RduEmu.Compiler.Graphs;

/// <summary>
/// A tensor's elements on the host, as files have them: row-major, little-endian, each in its type's own size. Immutable. Elements that
/// lie in a file of their own are read from there whenever they are asked for, and not held.
/// </summary>
public sealed class HostTensor
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly FileRange? _file;

    /// <param name="type">A whole type.</param>
    /// <param name="bytes">As many as the elements take.</param>
    public HostTensor(TensorType type, ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length != checked(type.CountElements * type.Element.SizeBytes()))
        {
            throw new ArgumentException($"{type} takes {type.CountElements * type.Element.SizeBytes()} bytes, not {bytes.Length}");
        }

        Type = type with { HasSamples = false };
        _bytes = bytes;
    }

    /// <param name="type">A whole type.</param>
    /// <param name="file">Where its elements lie.</param>
    public HostTensor(TensorType type, FileRange file)
    {
        if (file.LengthBytes != checked(type.CountElements * type.Element.SizeBytes()))
        {
            throw new ArgumentException($"{type} takes {type.CountElements * type.Element.SizeBytes()} bytes, not {file.LengthBytes}");
        }

        Type = type with { HasSamples = false };
        _file = file;
    }

    public TensorType Type { get; }

    public ElementType Element => Type.Element;

    public EquatableArray<int> Shape => Type.Shape;

    public int Count => checked((int)Type.CountElements);

    /// <exception cref="Kernels.Errors.RduException">RDU0101: they lie in a file that can no longer be read.</exception>
    public ReadOnlySpan<byte> Bytes => Memory.Span;

    /// <inheritdoc cref="Bytes"/>
    public ReadOnlyMemory<byte> Memory => _file is { } file ? file.Read() : _bytes;

    /// <summary>The same tensor with its elements in memory: for those who ask for them again and again.</summary>
    public HostTensor Held() => _file is null ? this : new HostTensor(Type, Memory);

    /// <summary>A tensor of elements of the type that <typeparamref name="T"/> is in C#: float, Half, double, integers, bool.</summary>
    public static HostTensor Create<T>(ReadOnlySpan<T> elements, params ReadOnlySpan<int> shape)
        where T : unmanaged => new(TensorType.Whole(ElementOf<T>(), shape), MemoryMarshal.AsBytes(elements).ToArray());

    /// <summary>A vector of int64, as ONNX gives shapes and axes.</summary>
    public static HostTensor Integers(params ReadOnlySpan<long> elements) => Create(elements, elements.Length);

    public static HostTensor Scalar<T>(T element)
        where T : unmanaged => Create<T>([element]);

    /// <summary>The elements as they lie; T must be of the element's size.</summary>
    public ReadOnlySpan<T> Span<T>()
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(Bytes);

    /// <summary>The same elements with another shape.</summary>
    public HostTensor Reshape(params ReadOnlySpan<int> shape) =>
        _file is { } file ? new(TensorType.Whole(Element, shape), file) : new(TensorType.Whole(Element, shape), _bytes);

    /// <summary>Every element as an integer; floats are truncated, and saturate.</summary>
    public long[] ToIntegers()
    {
        if (_file is not null)
        {
            return Held().ToIntegers();
        }

        var result = new long[Count];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = Element switch
            {
                ElementType.Int8 or ElementType.Int4 or ElementType.Int2 => (sbyte)Bytes[i],
                ElementType.UInt8 or ElementType.Bool or ElementType.UInt4 or ElementType.UInt2 => Bytes[i],
                ElementType.Int16 => Span<short>()[i],
                ElementType.UInt16 => Span<ushort>()[i],
                ElementType.Int32 => Span<int>()[i],
                ElementType.UInt32 => Span<uint>()[i],
                ElementType.Int64 => Span<long>()[i],
                ElementType.UInt64 => (long)Span<ulong>()[i],
                _ => (long)ToDouble(i),
            };
        }

        return result;
    }

    /// <summary>Every element as a double; integers of 64 bits are rounded.</summary>
    public double[] ToDoubles()
    {
        if (_file is not null)
        {
            return Held().ToDoubles();
        }

        var result = new double[Count];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = ToDouble(i);
        }

        return result;
    }

    /// <summary>The words of the arena that hold elements from <paramref name="first"/> on.</summary>
    /// <param name="first">The first element; of pairs an even one.</param>
    /// <param name="words">Gets as many elements as it has room for.</param>
    public void ToWords(int first, Span<int> words)
    {
        if (_file is { } file)
        {
            int count = words.Length / Element.WordsPerElement();
            if (Element.SizeBytes() >= sizeof(int) || Type.IsPaired)
            {
                file.Read((long)first * Element.SizeBytes(), MemoryMarshal.AsBytes(words));
                return;
            }

            var bytes = new byte[count * Element.SizeBytes()];
            file.Read((long)first * Element.SizeBytes(), bytes);
            new HostTensor(TensorType.Whole(Element, count), bytes).ToWords(0, words);
            return;
        }

        if (Element.SizeBytes() >= sizeof(int))
        {
            MemoryMarshal.Cast<byte, int>(Bytes).Slice(first * Element.WordsPerElement(), words.Length).CopyTo(words);
            return;
        }

        if (Type.IsPaired)
        {
            // Pairs lie in words as they lie in files: the even element first.
            MemoryMarshal.Cast<byte, int>(Bytes).Slice(first / 2, words.Length).CopyTo(words);
            return;
        }

        for (int i = 0; i < words.Length; i++)
        {
            words[i] = Element switch
            {
                ElementType.Int8 or ElementType.Int4 or ElementType.Int2 => (sbyte)Bytes[first + i],
                ElementType.UInt8 or ElementType.UInt4 or ElementType.UInt2 => Bytes[first + i],
                ElementType.Bool => Bytes[first + i] != 0 ? 1 : 0,
                ElementType.Int16 => Span<short>()[first + i],
                ElementType.UInt16 => Span<ushort>()[first + i],
                ElementType.BFloat16 => Span<ushort>()[first + i] << 16,
                _ => BitConverter.SingleToInt32Bits((float)Span<Half>()[first + i]),
            };
        }
    }

    public int[] ToWords()
    {
        var words = new int[Type.CountWords];
        ToWords(0, words);
        return words;
    }

    /// <summary>The tensor whose words these are; a float16 or bfloat16 must be one already.</summary>
    public static HostTensor FromWords(TensorType type, ReadOnlySpan<int> words)
    {
        var bytes = new byte[checked(type.CountElements * type.Element.SizeBytes())];
        if (type.Element.SizeBytes() >= sizeof(int) || type.IsPaired)
        {
            MemoryMarshal.AsBytes(words).CopyTo(bytes);
            return new HostTensor(type, bytes);
        }

        for (int i = 0; i < words.Length; i++)
        {
            switch (type.Element)
            {
                case var element when element.SizeBytes() == 1:
                    bytes[i] = (byte)words[i];
                    break;
                case ElementType.Float16:
                    BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(2 * i), (Half)BitConverter.Int32BitsToSingle(words[i]));
                    break;
                case ElementType.BFloat16:
                    BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * i), (ushort)((uint)words[i] >> 16));
                    break;
                default:
                    BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * i), (ushort)words[i]);
                    break;
            }
        }

        return new HostTensor(type, bytes);
    }

    /// <summary>The tensor of floats, each a value of the type already: float32, or pairs of bfloat16.</summary>
    public static HostTensor FromFloats(TensorType type, ReadOnlySpan<float> elements)
    {
        if (!type.IsPaired)
        {
            return new HostTensor(type, MemoryMarshal.AsBytes(elements).ToArray());
        }

        var halves = new ushort[elements.Length];
        for (int i = 0; i < halves.Length; i++)
        {
            halves[i] = (ushort)(BitConverter.SingleToUInt32Bits(elements[i]) >> 16);
        }

        return new HostTensor(type, MemoryMarshal.AsBytes<ushort>(halves).ToArray());
    }

    public override string ToString() => Count <= 8 ? $"{Type} ({string.Join(", ", ToDoubles())})" : Type.ToString();

    private static ElementType ElementOf<T>() => default(T) switch
    {
        float => ElementType.Float32,
        Half => ElementType.Float16,
        double => ElementType.Float64,
        sbyte => ElementType.Int8,
        short => ElementType.Int16,
        int => ElementType.Int32,
        long => ElementType.Int64,
        byte => ElementType.UInt8,
        ushort => ElementType.UInt16,
        uint => ElementType.UInt32,
        ulong => ElementType.UInt64,
        bool => ElementType.Bool,
        _ => throw new ArgumentException($"{typeof(T).Name} is no element type"),
    };

    private double ToDouble(int i) => Element switch
    {
        ElementType.Float32 => Span<float>()[i],
        ElementType.Float64 => Span<double>()[i],
        ElementType.Float16 => (double)Span<Half>()[i],
        ElementType.BFloat16 => BitConverter.Int32BitsToSingle(Span<ushort>()[i] << 16),
        ElementType.Int8 or ElementType.Int4 or ElementType.Int2 => (sbyte)Bytes[i],
        ElementType.UInt8 or ElementType.Bool or ElementType.UInt4 or ElementType.UInt2 => Bytes[i],
        ElementType.Int16 => Span<short>()[i],
        ElementType.UInt16 => Span<ushort>()[i],
        ElementType.Int32 => Span<int>()[i],
        ElementType.UInt32 => Span<uint>()[i],
        ElementType.Int64 => Span<long>()[i],
        _ => Span<ulong>()[i],
    };
}
