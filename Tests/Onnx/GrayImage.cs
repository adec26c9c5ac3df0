using System.Buffers.Binary;
using System.IO.Compression;

namespace RduEmu.Tests.Onnx;

/// <summary>An 8-bit image without a palette from a PNG file (RFC 2083), as the mean of its colours: enough for the images of the tests.</summary>
internal static class GrayImage
{
    public static (int Width, int Height, byte[] Pixels) Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        using var data = new MemoryStream();
        int at = 8;
        while (at < file.Length)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            if (file.AsSpan(at + 4, 4).SequenceEqual("IDAT"u8))
            {
                data.Write(file, at + 8, length);
            }

            at += length + 12;
        }

        int width = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(16));
        int height = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(20));
        int channels = (file[24], file[25], file[28]) switch
        {
            (8, 0, 0) => 1,
            (8, 2, 0) => 3,
            (8, 4, 0) => 2,
            (8, 6, 0) => 4,
            _ => throw new NotSupportedException($"{path}: depth {file[24]}, colours {file[25]}"),
        };
        data.Position = 0;
        using var inflated = new ZLibStream(data, CompressionMode.Decompress);
        var row = new byte[width * channels];
        var above = new byte[row.Length];
        var pixels = new byte[width * height];
        int colours = channels is 2 or 4 ? channels - 1 : channels;
        for (int y = 0; y < height; y++)
        {
            int filter = inflated.ReadByte();
            inflated.ReadExactly(row);
            for (int i = 0; i < row.Length; i++)
            {
                int left = i >= channels ? row[i - channels] : 0;
                int corner = i >= channels ? above[i - channels] : 0;
                row[i] += (byte)(filter switch { 0 => 0, 1 => left, 2 => above[i], 3 => (left + above[i]) / 2, _ => Paeth(left, above[i], corner) });
            }

            for (int x = 0; x < width; x++)
            {
                int sum = 0;
                for (int c = 0; c < colours; c++)
                {
                    sum += row[x * channels + c];
                }

                pixels[y * width + x] = (byte)((sum + colours / 2) / colours);
            }

            (row, above) = (above, row);
        }

        return (width, height, pixels);
    }

    private static int Paeth(int left, int up, int corner)
    {
        int guess = left + up - corner;
        (int a, int b, int c) = (Math.Abs(guess - left), Math.Abs(guess - up), Math.Abs(guess - corner));
        return a <= b && a <= c ? left : b <= c ? up : corner;
    }
}
