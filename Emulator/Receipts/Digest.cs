using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace RduEmu.Emulator.Receipts;

/// <summary>
/// SHA-256 over tensors: for each its name, its extents and its elements in row-major order, little-endian. Every NaN counts as
/// 0x7FC00000, because payloads are not part of the contract; padding is never seen.
/// </summary>
public sealed class Digest : IDisposable
{
    private const int CanonicalNaN = 0x7FC00000;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly int[] _words = new int[1 << 14];

    /// <summary>Begins a tensor; its elements follow by <see cref="Append(ReadOnlySpan{float})"/>, in as many pieces as wanted.</summary>
    public void Begin(string name, params ReadOnlySpan<int> shape)
    {
        _hash.AppendData(Encoding.UTF8.GetBytes(name));
        Span<byte> extents = stackalloc byte[sizeof(int) * (shape.Length + 1)];
        BinaryPrimitives.WriteInt32LittleEndian(extents, shape.Length);
        for (int i = 0; i < shape.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(extents[(sizeof(int) * (i + 1))..], shape[i]);
        }

        _hash.AppendData(extents);
    }

    public void Append(ReadOnlySpan<float> elements)
    {
        while (!elements.IsEmpty)
        {
            int count = Math.Min(elements.Length, _words.Length);
            Span<int> words = _words.AsSpan(0, count);
            for (int i = 0; i < count; i++)
            {
                int word = float.IsNaN(elements[i]) ? CanonicalNaN : BitConverter.SingleToInt32Bits(elements[i]);
                words[i] = BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);
            }

            _hash.AppendData(MemoryMarshal.AsBytes(words));
            elements = elements[count..];
        }
    }

    public void Append(ReadOnlySpan<int> elements)
    {
        while (!elements.IsEmpty)
        {
            int count = Math.Min(elements.Length, _words.Length);
            Span<int> words = _words.AsSpan(0, count);
            for (int i = 0; i < count; i++)
            {
                words[i] = BitConverter.IsLittleEndian ? elements[i] : BinaryPrimitives.ReverseEndianness(elements[i]);
            }

            _hash.AppendData(MemoryMarshal.AsBytes(words));
            elements = elements[count..];
        }
    }

    /// <summary>The digest so far, as <c>sha256:</c> and 64 hexadecimal digits; more may follow.</summary>
    public override string ToString() => $"sha256:{Convert.ToHexStringLower(_hash.GetCurrentHash())}";

    /// <summary>One digest for several: itself if there is one, else that of their texts.</summary>
    public static string Join(IReadOnlyList<string> digests)
    {
        if (digests.Count == 1)
        {
            return digests[0];
        }

        using var all = new Digest();
        foreach (string digest in digests)
        {
            all.Begin(digest);
        }

        return all.ToString();
    }

    public void Dispose() => _hash.Dispose();
}
