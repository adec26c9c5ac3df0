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
        var places = new List<Place>();
        foreach ((string name, ReadOnlyMemory<byte> content) in entries)
        {
            var place = new Place(name, at, content.Length, Crc(content.Span));
            places.Add(place);
            at += WriteLocal(file.AsSpan(at), place);
            content.Span.CopyTo(file.AsSpan(at));
            at += content.Length;
        }

        WriteDirectory(file.AsSpan(at), places, at);
        return file;
    }

    /// <summary>The entries, if the file is byte for byte what <see cref="Write"/> makes of them.</summary>
    /// <exception cref="InvalidDataException">It is not: the message says where.</exception>
    public static List<(string Name, ReadOnlyMemory<byte> Content)> Read(ReadOnlyMemory<byte> file)
    {
        var entries = new List<(string, ReadOnlyMemory<byte>)>();
        var places = new List<Place>();
        ReadOnlySpan<byte> bytes = file.Span;
        int at = 0;
        while (bytes.Length - at >= LocalHeaderBytes && BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]) == LocalSignature)
        {
            uint sum = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(at + 14)..]);
            int length = BinaryPrimitives.ReadInt32LittleEndian(bytes[(at + 18)..]);
            int headerBytes = LocalHeaderBytes + BinaryPrimitives.ReadUInt16LittleEndian(bytes[(at + 26)..]);
            if (length < 0 || (long)at + headerBytes + length > bytes.Length)
            {
                throw new InvalidDataException($"an entry at byte {at} that goes beyond the end");
            }

            string name = Encoding.ASCII.GetString(bytes[(at + LocalHeaderBytes)..(at + headerBytes)]);
            if (Crc(bytes.Slice(at + headerBytes, length)) != sum)
            {
                throw new InvalidDataException($"entry {name} with another checksum");
            }

            var place = new Place(name, at, length, sum);
            var header = new byte[headerBytes];
            WriteLocal(header, place);
            RequireSame(header, bytes.Slice(at, headerBytes), at, bytes.Length);
            places.Add(place);
            entries.Add((name, file.Slice(at + headerBytes, length)));
            at += headerBytes + length;
        }

        var directory = new byte[EndBytes + places.Sum(place => CentralHeaderBytes + place.Name.Length)];
        WriteDirectory(directory, places, at);
        RequireSame(directory, bytes[at..], at, bytes.Length);
        return entries;
    }

    private static void RequireSame(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> got, int at, int all)
    {
        int same = expected.CommonPrefixLength(got);
        if (same != expected.Length || same != got.Length)
        {
            throw new InvalidDataException($"another byte at {at + same} of {all}");
        }
    }

    /// <summary>The header before an entry's content.</summary>
    /// <returns>Its bytes.</returns>
    private static int WriteLocal(Span<byte> to, Place place)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to, LocalSignature);
        WriteCommon(to[4..], place);
        return LocalHeaderBytes + Encoding.ASCII.GetBytes(place.Name, to[LocalHeaderBytes..]);
    }

    /// <summary>What stands behind the last entry: a header for each, and the end.</summary>
    private static void WriteDirectory(Span<byte> to, List<Place> places, int start)
    {
        int at = 0;
        foreach (Place place in places)
        {
            Span<byte> header = to[at..];
            BinaryPrimitives.WriteUInt32LittleEndian(header, CentralSignature);
            BinaryPrimitives.WriteUInt16LittleEndian(header[4..], 20);
            WriteCommon(header[6..], place);
            BinaryPrimitives.WriteInt32LittleEndian(header[42..], place.Start);
            at += CentralHeaderBytes + Encoding.ASCII.GetBytes(place.Name, to[(at + CentralHeaderBytes)..]);
        }

        Span<byte> end = to[at..];
        BinaryPrimitives.WriteUInt32LittleEndian(end, EndSignature);
        BinaryPrimitives.WriteUInt16LittleEndian(end[8..], (ushort)places.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(end[10..], (ushort)places.Count);
        BinaryPrimitives.WriteInt32LittleEndian(end[12..], at);
        BinaryPrimitives.WriteInt32LittleEndian(end[16..], start);
    }

    /// <summary>From "version needed" to "extra field length": what local and central headers share.</summary>
    private static void WriteCommon(Span<byte> at, Place place)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(at, 20);
        BinaryPrimitives.WriteUInt16LittleEndian(at[8..], NoDate);
        BinaryPrimitives.WriteUInt32LittleEndian(at[10..], place.Sum);
        BinaryPrimitives.WriteInt32LittleEndian(at[14..], place.Length);
        BinaryPrimitives.WriteInt32LittleEndian(at[18..], place.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(at[22..], (ushort)place.Name.Length);
    }

    /// <summary>CRC-32 of IEEE 802.3, eight bytes a step ("slicing by eight", Kounavis and Berry, 2005).</summary>
    private static uint Crc(ReadOnlySpan<byte> content)
    {
        uint[] table = CrcTable;
        uint crc = uint.MaxValue;
        for (; content.Length >= 8; content = content[8..])
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(content) ^ crc;
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(content[4..]);
            crc = table[0x700 + (byte)low] ^ table[0x600 + (byte)(low >> 8)] ^ table[0x500 + (byte)(low >> 16)] ^ table[0x400 + (low >> 24)]
                ^ table[0x300 + (byte)high] ^ table[0x200 + (byte)(high >> 8)] ^ table[0x100 + (byte)(high >> 16)] ^ table[high >> 24];
        }

        foreach (byte value in content)
        {
            crc = table[(byte)(crc ^ value)] ^ crc >> 8;
        }

        return ~crc;
    }

    /// <summary>Eight tables of 256: what a byte does to the sum when 0 to 7 more bytes follow it.</summary>
    private static uint[] MakeCrcTable()
    {
        var table = new uint[8 * 256];
        for (uint i = 0; i < 256; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? 0xEDB88320 ^ value >> 1 : value >> 1;
            }

            table[i] = value;
        }

        for (int i = 256; i < table.Length; i++)
        {
            uint before = table[i - 256];
            table[i] = table[(byte)before] ^ before >> 8;
        }

        return table;
    }

    /// <summary>Where an entry stands.</summary>
    /// <param name="Start">First byte of its header.</param>
    /// <param name="Length">Bytes of its content.</param>
    /// <param name="Sum">CRC of its content.</param>
    private sealed record Place(string Name, int Start, int Length, uint Sum);
}
