using System.Buffers.Binary;
using System.Text;

namespace RduEmu.Compiler.Executables;

/// <summary>
/// A zip without compression, whose bytes follow from its entries alone: no times, no host, one order. Compressed bytes differ between
/// machines (zlib-ng chooses by the processor); these do not. Format: PKWARE APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12 and 4.3.16.
/// </summary>
internal static class StoredArchive
{
    private const uint LocalSignature = 0x04034B50;
    private const uint CentralSignature = 0x02014B50;
    private const uint EndSignature = 0x06054B50;
    private const int LocalHeaderBytes = 30;
    private const int CentralHeaderBytes = 46;
    private const int EndBytes = 22;

    /// <summary>1 January 1980, the earliest that the format has.</summary>
    private const ushort NoDate = 1 << 5 | 1;

    private static readonly uint[] CrcTable = MakeCrcTable();

    public static byte[] Write(IReadOnlyList<(string Name, ReadOnlyMemory<byte> Content)> entries)
    {
        long total = EndBytes + entries.Sum(entry => (long)LocalHeaderBytes + CentralHeaderBytes + 2 * entry.Name.Length + entry.Content.Length);
        byte[] file = new byte[checked((int)total)];
        int at = 0;
        var offsets = new int[entries.Count];
        var sums = new uint[entries.Count];
        for (int i = 0; i < entries.Count; i++)
        {
            (string name, ReadOnlyMemory<byte> content) = entries[i];
            offsets[i] = at;
            sums[i] = Crc(content.Span);
            Span<byte> header = file.AsSpan(at, LocalHeaderBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(header, LocalSignature);
            WriteCommon(header[4..], sums[i], content.Length, name.Length);
            at += LocalHeaderBytes + Encoding.ASCII.GetBytes(name, file.AsSpan(at + LocalHeaderBytes));
            content.Span.CopyTo(file.AsSpan(at));
            at += content.Length;
        }

        int directory = at;
        for (int i = 0; i < entries.Count; i++)
        {
            (string name, ReadOnlyMemory<byte> content) = entries[i];
            Span<byte> header = file.AsSpan(at, CentralHeaderBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(header, CentralSignature);
            BinaryPrimitives.WriteUInt16LittleEndian(header[4..], 20);
            WriteCommon(header[6..], sums[i], content.Length, name.Length);
            BinaryPrimitives.WriteInt32LittleEndian(header[42..], offsets[i]);
            at += CentralHeaderBytes + Encoding.ASCII.GetBytes(name, file.AsSpan(at + CentralHeaderBytes));
        }

        Span<byte> end = file.AsSpan(at);
        BinaryPrimitives.WriteUInt32LittleEndian(end, EndSignature);
        BinaryPrimitives.WriteUInt16LittleEndian(end[8..], (ushort)entries.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(end[10..], (ushort)entries.Count);
        BinaryPrimitives.WriteInt32LittleEndian(end[12..], at - directory);
        BinaryPrimitives.WriteInt32LittleEndian(end[16..], directory);
        return file;
    }

    /// <summary>The entries, if the file is byte for byte what <see cref="Write"/> makes of them.</summary>
    /// <exception cref="InvalidDataException">It is not: the message says where.</exception>
    public static List<(string Name, ReadOnlyMemory<byte> Content)> Read(ReadOnlyMemory<byte> file)
    {
        var entries = new List<(string, ReadOnlyMemory<byte>)>();
        int at = 0;
        while (file.Length - at >= LocalHeaderBytes && BinaryPrimitives.ReadUInt32LittleEndian(file.Span[at..]) == LocalSignature)
        {
            ReadOnlySpan<byte> header = file.Span.Slice(at, LocalHeaderBytes);
            uint sum = BinaryPrimitives.ReadUInt32LittleEndian(header[14..]);
            int length = BinaryPrimitives.ReadInt32LittleEndian(header[18..]);
            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(header[26..]);
            int content = at + LocalHeaderBytes + nameLength;
            if (length < 0 || (long)content + length > file.Length)
            {
                throw new InvalidDataException($"an entry at byte {at} that goes beyond the end");
            }

            string name = Encoding.ASCII.GetString(file.Span.Slice(at + LocalHeaderBytes, nameLength));
            if (Crc(file.Span.Slice(content, length)) != sum)
            {
                throw new InvalidDataException($"entry {name} with another checksum");
            }

            entries.Add((name, file.Slice(content, length)));
            at = content + length;
        }

        ReadOnlySpan<byte> again = Write(entries);
        int same = again.CommonPrefixLength(file.Span);
        return same == file.Length && same == again.Length ? entries : throw new InvalidDataException($"another byte at {same} of {file.Length}");
    }

    /// <summary>From "version needed" to "extra field length": what local and central headers share.</summary>
    private static void WriteCommon(Span<byte> at, uint sum, int length, int nameLength)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(at, 20);
        BinaryPrimitives.WriteUInt16LittleEndian(at[8..], NoDate);
        BinaryPrimitives.WriteUInt32LittleEndian(at[10..], sum);
        BinaryPrimitives.WriteInt32LittleEndian(at[14..], length);
        BinaryPrimitives.WriteInt32LittleEndian(at[18..], length);
        BinaryPrimitives.WriteUInt16LittleEndian(at[22..], (ushort)nameLength);
    }

    private static uint Crc(ReadOnlySpan<byte> content)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in content)
        {
            crc = CrcTable[(byte)(crc ^ value)] ^ crc >> 8;
        }

        return ~crc;
    }

    private static uint[] MakeCrcTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? 0xEDB88320 ^ value >> 1 : value >> 1;
            }

            table[i] = value;
        }

        return table;
    }
}
