using System.Numerics;
using RduEmu.Kernels.Templates.Contract;
using RduEmu.Kernels.Templates.SampleReduce;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>Neighbouring pixels of a chunk that one tap can take: their sources are a stride apart.</summary>
/// <param name="Source">Pixel of the packed source where it begins.</param>
/// <param name="Row">Row of the chunk where it begins.</param>
/// <param name="Length">How many pixels.</param>
internal readonly record struct SampleConvolvePiece(int Source, int Row, int Length);

/// <summary>The part of one image that a chunk of 256 pixels takes, and the rectangle of its source.</summary>
internal struct SampleConvolveSegment
{
    public int Sample;

    /// <summary>The first pixel of the image.</summary>
    public int Pixel;
    public int Count;

    /// <summary>The chunk's row of the first pixel.</summary>
    public int Row;
    public int Top;
    public int Bottom;
    public int Left;
    public int Right;

    /// <summary>Where the rectangle begins in the packed source, in pixels.</summary>
    public int Base;
}

/// <summary>How the host walks the pixels of a filter's gradient, and what scratch that takes.</summary>
internal sealed unsafe class SampleConvolvePlan
{
    /// <summary>Source channels of a register tile, of the larger of two sizes.</summary>
    public const int TileChannels = 6;

    private const int SmallTileChannels = 4;
    private const int PanelColumns = ContractOrder.PanelColumns;

    public SampleConvolvePlan(ConvolveGeometry geometry, int samples)
    {
        if (geometry.Height.Upsampling != 1 || geometry.Width.Upsampling != 1)
        {
            throw new ArgumentException("a filter's gradient goes by the geometry of the convolution, not of its gradient", nameof(geometry));
        }

        Geometry = geometry;
        Samples = samples;
        GroupSamples = SampleTree.GroupRows(geometry.ResultPixels) / Math.Max(1, geometry.ResultPixels);
        GroupCount = (samples + GroupSamples - 1) / GroupSamples;
        Blocks = CutChannels(geometry.SourceChannelsPerGroup);
        SampleConvolveSegment* segments = stackalloc SampleConvolveSegment[ContractOrder.ChunkElements];
        int groupRows = Math.Min(GroupSamples, samples) * geometry.ResultPixels;
        for (int row = 0; row < groupRows; row += ContractOrder.ChunkElements)
        {
            int count = Segments(0, row, Math.Min(groupRows, row + ContractOrder.ChunkElements), segments);
            SourcePixels = Math.Max(SourcePixels, count == 0 ? 0 : PixelsUpTo(segments[count - 1]));
        }
    }

    public ConvolveGeometry Geometry { get; }

    public int Samples { get; }

    public int GroupSamples { get; }

    public int GroupCount { get; }

    /// <summary>The source channels of a group, block by block: first channel, channels, channels of the register tile, and where its packing begins (in pixels).</summary>
    public (int First, int Count, int Height, int Offset)[] Blocks { get; }

    /// <summary>Most pixels of source that a chunk takes.</summary>
    public int SourcePixels { get; }

    /// <summary>Levels of sums that can pend beside the running one.</summary>
    public int Levels => GroupCount <= 1 ? 0 : 32 - BitOperations.LeadingZeroCount((uint)(GroupCount - 1));

    public int MaximumPanels(int tileRows)
    {
        int groups = Math.Min(Geometry.Groups, (tileRows - 1) / Geometry.ResultChannelsPerGroup + 2);
        return tileRows / PanelColumns + groups;
    }

    public long PiecesElements => (long)Geometry.Height.Taps * Geometry.Width.Taps * ContractOrder.ChunkElements * 3;

    public long SourceElements => (long)SourcePixels * (Blocks[^1].Offset + Blocks[^1].Height);

    public long PanelElements => (long)Geometry.Depth * PanelColumns;

    public long ScratchElements(int tileRows)
    {
        int panels = MaximumPanels(tileRows);
        return PiecesElements + SourceElements + (long)panels * ContractOrder.ChunkElements * PanelColumns + panels * PanelElements * (1 + Levels);
    }

    /// <summary>The images of rows [begin, end) of a group, and what they read.</summary>
    public int Segments(int group, int begin, int end, SampleConvolveSegment* segments)
    {
        ConvolveAxis height = Geometry.Height;
        ConvolveAxis width = Geometry.Width;
        int count = 0;
        int source = 0;
        for (int row = begin; row < end;)
        {
            int pixel = row % Geometry.ResultPixels;
            int pixels = Math.Min(Geometry.ResultPixels - pixel, end - row);
            int i = pixel / width.Result;
            int iLast = (pixel + pixels - 1) / width.Result;
            var segment = new SampleConvolveSegment
            {
                Sample = group * GroupSamples + row / Geometry.ResultPixels,
                Pixel = pixel,
                Count = pixels,
                Row = row - begin,
                Top = Math.Max(0, i * height.Stride - height.PadBegin),
                Bottom = Math.Min(height.Source, iLast * height.Stride - height.PadBegin + (height.Taps - 1) * height.Dilation + 1),
                Left = 0,
                Right = width.Source,
                Base = source,
            };
            if (i == iLast)
            {
                int j = pixel - i * width.Result;
                segment.Left = Math.Max(0, j * width.Stride - width.PadBegin);
                segment.Right = Math.Min(width.Source, (j + pixels - 1) * width.Stride - width.PadBegin + (width.Taps - 1) * width.Dilation + 1);
            }

            segment.Bottom = Math.Max(segment.Top, segment.Bottom);
            segment.Right = Math.Max(segment.Left, segment.Right);
            segments[count++] = segment;
            source = PixelsUpTo(segment);
            row += pixels;
        }

        return count;
    }

    /// <summary>The pieces of one tap.</summary>
    public int Pieces(int tapRow, int tapColumn, SampleConvolveSegment* segments, int segmentCount, SampleConvolvePiece* pieces)
    {
        ConvolveAxis height = Geometry.Height;
        ConvolveAxis width = Geometry.Width;
        int columnShift = width.PadBegin - tapColumn * width.Dilation;
        int firstColumn = Math.Max(0, CeilingDivide(columnShift, width.Stride));
        int endColumn = Math.Min(width.Result, FloorDivide(width.Source - 1 + columnShift, width.Stride) + 1);
        int count = 0;
        for (int s = 0; s < segmentCount; s++)
        {
            SampleConvolveSegment* segment = segments + s;
            for (int done = 0; done < segment->Count;)
            {
                int i = (segment->Pixel + done) / width.Result;
                int j = segment->Pixel + done - i * width.Result;
                int run = Math.Min(width.Result - j, segment->Count - done);
                int h = i * height.Stride + tapRow * height.Dilation - height.PadBegin;
                int begin = Math.Max(j, firstColumn);
                int length = Math.Min(j + run, endColumn) - begin;
                if (h >= 0 && h < height.Source && length > 0)
                {
                    int w = begin * width.Stride - columnShift;
                    int source = segment->Base + (h - segment->Top) * (segment->Right - segment->Left) + w - segment->Left;
                    int row = segment->Row + done + begin - j;
                    if (count > 0 && pieces[count - 1] is var last && last.Row + last.Length == row && last.Source + last.Length * width.Stride == source)
                    {
                        pieces[count - 1] = last with { Length = last.Length + length };
                    }
                    else
                    {
                        pieces[count++] = new SampleConvolvePiece(source, row, length);
                    }
                }

                done += run;
            }
        }

        return count;
    }

    private static int PixelsUpTo(SampleConvolveSegment segment) =>
        segment.Base + (segment.Bottom - segment.Top) * (segment.Right - segment.Left);

    private static int FloorDivide(int a, int b) => a >= 0 ? a / b : -((-a + b - 1) / b);

    private static int CeilingDivide(int a, int b) => -FloorDivide(-a, b);

    /// <summary>
    /// Tiles of 6 keep both FMA units busy, tiles of 4 are at 80%; a rest of 1 or 2 therefore takes one tile of 6 back and makes
    /// two of 4.
    /// </summary>
    private static (int First, int Count, int Height, int Offset)[] CutChannels(int channels)
    {
        var blocks = new List<(int First, int Count, int Height, int Offset)>();
        int offset = 0;
        for (int first = 0; first < channels;)
        {
            int left = channels - first;
            int height = left == 5 || (left >= TileChannels && left is not (7 or 8)) ? TileChannels : SmallTileChannels;
            int count = Math.Min(height, left);
            blocks.Add((first, count, height, offset));
            offset += height;
            first += count;
        }

        return [.. blocks];
    }
}
