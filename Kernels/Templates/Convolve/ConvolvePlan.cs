using RduEmu.Kernels.Templates.Contract;

namespace RduEmu.Kernels.Templates.Convolve;

/// <summary>A run of neighbouring words that one chunk of a sum reads.</summary>
/// <param name="Source">Words from a result's first source pixel to the run.</param>
/// <param name="Panel">Words from the start of the panel to the run's first k.</param>
/// <param name="Length">Length of the run, in k.</param>
internal readonly record struct ConvolvePiece(nint Source, nint Panel, nint Length);

/// <summary>
/// The positions of an axis, in classes that read the same taps: one for the inside, some for the edges, and with upsampling one
/// for each remainder. All results of one class run through the same pieces.
/// </summary>
internal sealed class ConvolveAxisClasses
{
    public ConvolveAxisClasses(ConvolveAxis axis)
    {
        First = new int[axis.Result];
        var taps = new List<int[]>();
        var members = new List<List<int>>();
        for (int result = 0; result < axis.Result; result++)
        {
            int[] valid = [.. Enumerable.Range(0, axis.Taps).Where(tap => axis.At(result, tap) >= 0)];
            int index = taps.FindIndex(known => known.AsSpan().SequenceEqual(valid));
            if (index < 0)
            {
                index = taps.Count;
                taps.Add(valid);
                members.Add([]);
            }

            members[index].Add(result);
            First[result] = valid.Length == 0 ? 0 : axis.At(result, valid[0]);
        }

        Taps = [.. taps];
        Members = [.. members.Select(list => list.ToArray())];
        Step = axis.Dilation;
        Upsampling = axis.Upsampling;
    }

    public int Count => Taps.Length;

    /// <summary>For each class its taps, ascending.</summary>
    public int[][] Taps { get; }

    /// <summary>For each class its results, ascending.</summary>
    public int[][] Members { get; }

    /// <summary>For each result the source pixel of its first tap.</summary>
    public int[] First { get; }

    private int Step { get; }

    private int Upsampling { get; }

    /// <summary>Source pixels from the first tap of a class to another of its taps.</summary>
    public int Distance(int index, int tap) => (tap - Taps[index][0]) * Step / Upsampling;

    /// <summary>The members of a class in [begin, end), as a range of <see cref="Members"/>.</summary>
    public void Range(int index, int begin, int end, out int first, out int last)
    {
        int[] members = Members[index];
        first = LowerBound(members, begin);
        last = LowerBound(members, end);
    }

    private static int LowerBound(int[] sorted, int value)
    {
        int index = Array.BinarySearch(sorted, value);
        return index < 0 ? ~index : index;
    }
}

/// <summary>
/// How the host walks a convolution: for each class of results and each chunk the pieces to read, and the size of a block of
/// results that stays in L2 while the filter passes over it. Where the channels are few that is all of the block's source; where
/// they are many, what one chunk reads of it and the results of some panels.
/// </summary>
internal sealed unsafe class ConvolvePlan
{
    /// <summary>Words of source that a block may take: 192 KB.</summary>
    internal const int BlockSourceElements = 48 * 1024;

    /// <summary>Most results of a block: their two addresses take 16 KB of stack.</summary>
    private const int BlockPixels = 1024;

    /// <summary>Results for which reading the filter again is cheap: 64 / 128 bytes a cycle and core.</summary>
    private const int EnoughPixels = 128;

    /// <summary>Results of a block by chunks: a chunk reads 256 KB of source for them.</summary>
    private const int ChunkedBlockPixels = 256;

    /// <summary>Panels of a block by chunks: 128 KB of results.</summary>
    private const int ChunkedBlockPanels = 8;

    private readonly ConvolvePiece[] _pieces;
    private readonly int[] _pieceBegin;

    public ConvolvePlan(ConvolveGeometry geometry, int sourcePitch, int resultPitch)
    {
        Geometry = geometry;
        SourcePitch = sourcePitch;
        ResultPitch = resultPitch;
        Rows = new ConvolveAxisClasses(geometry.Height);
        Columns = new ConvolveAxisClasses(geometry.Width);
        Chunks = (geometry.Depth + ContractOrder.ChunkElements - 1) / ContractOrder.ChunkElements;
        var pieces = new List<ConvolvePiece>();
        var begins = new List<int>();
        for (int row = 0; row < Rows.Count; row++)
        {
            for (int column = 0; column < Columns.Count; column++)
            {
                AddPieces(row, column, pieces, begins);
            }
        }

        begins.Add(pieces.Count);
        _pieces = GC.AllocateArray<ConvolvePiece>(Math.Max(1, pieces.Count), pinned: true);
        pieces.CopyTo(_pieces);
        _pieceBegin = [.. begins];
        SplitsChannels = (geometry.Groups == 1 || geometry.IsDepthwise)
            && (geometry.Height.Result == 1 || PackedFilter.LengthElements(geometry) > (long)geometry.SourcePixels * geometry.SourceChannels);
        (BlockRows, BlockColumns) = ChooseBlock(geometry);
        (BlockPanels, BlockChunks) = (2, Math.Max(1, Chunks));
        int pixels = BlockRows * BlockColumns;
        if (pixels < Math.Min(EnoughPixels, geometry.ResultPixels))
        {
            BlockRows = Math.Clamp(ChunkedBlockPixels / geometry.Width.Result, 1, geometry.Height.Result);
            BlockColumns = Math.Min(ChunkedBlockPixels, geometry.Width.Result);
            (BlockPanels, BlockChunks) = (ChunkedBlockPanels, 1);
        }
    }

    public ConvolveGeometry Geometry { get; }

    public int SourcePitch { get; }

    public int ResultPitch { get; }

    public ConvolveAxisClasses Rows { get; }

    public ConvolveAxisClasses Columns { get; }

    public int Chunks { get; }

    /// <summary>True if workers that share an image take channels each, false if they take rows: what is larger is read once.</summary>
    public bool SplitsChannels { get; }

    public int BlockRows { get; }

    public int BlockColumns { get; }

    /// <summary>Panels that a block is computed for before the next panels: an even number.</summary>
    public int BlockPanels { get; }

    /// <summary>Chunks that a panel is computed for before the next panel.</summary>
    public int BlockChunks { get; }

    /// <summary>The pieces of a chunk for one class of rows and one of columns.</summary>
    public ConvolvePiece* Pieces(int rowClass, int columnClass, int chunk, out int count)
    {
        int index = (rowClass * Columns.Count + columnClass) * Chunks + chunk;
        int begin = _pieceBegin[index];
        count = _pieceBegin[index + 1] - begin;
        return (ConvolvePiece*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _pieces[0]) + begin;
    }

    private static (int Rows, int Columns) ChooseBlock(ConvolveGeometry geometry)
    {
        ConvolveAxis height = geometry.Height;
        long rowElements = (long)geometry.Width.Source * geometry.SourceChannels;
        int rows = Math.Max(1, Math.Min(height.Result, BlockPixels / Math.Max(1, geometry.Width.Result)));
        while (rows > 1 && SourceRows(height, rows) * rowElements > BlockSourceElements)
        {
            rows--;
        }

        long perColumn = Math.Max(1, SourceRows(height, 1) * geometry.SourceChannels * geometry.Width.Stride / geometry.Width.Upsampling);
        long columns = Math.Clamp(BlockSourceElements / perColumn, Math.Min(96, geometry.Width.Result), Math.Min(BlockPixels, geometry.Width.Result));
        return rows > 1 ? (rows, geometry.Width.Result) : (1, (int)Math.Max(1, columns));
    }

    private static long SourceRows(ConvolveAxis axis, int rows) =>
        Math.Min(axis.Source, ((long)(rows - 1) * axis.Stride + (long)(axis.Taps - 1) * axis.Dilation) / axis.Upsampling + 1);

    private void AddPieces(int rowClass, int columnClass, List<ConvolvePiece> pieces, List<int> begins)
    {
        int channels = Geometry.SourceChannelsPerGroup;
        var runs = new List<(nint Source, int K, int Length)>();
        foreach (int tapRow in Rows.Taps[rowClass])
        {
            foreach (int tapColumn in Columns.Taps[columnClass])
            {
                int pixel = Rows.Distance(rowClass, tapRow) * Geometry.Width.Source + Columns.Distance(columnClass, tapColumn);
                nint source = (nint)pixel * SourcePitch;
                int k = (tapRow * Geometry.Width.Taps + tapColumn) * channels;
                if (runs.Count > 0 && runs[^1] is var last && last.Source + last.Length == source && last.K + last.Length == k)
                {
                    runs[^1] = last with { Length = last.Length + channels };
                }
                else
                {
                    runs.Add((source, k, channels));
                }
            }
        }

        for (int chunk = 0; chunk < Chunks; chunk++)
        {
            begins.Add(pieces.Count);
            int chunkBegin = chunk * ContractOrder.ChunkElements;
            foreach ((nint source, int k, int length) in runs)
            {
                int begin = Math.Max(k, chunkBegin);
                int end = Math.Min(k + length, chunkBegin + ContractOrder.ChunkElements);
                if (begin < end)
                {
                    pieces.Add(new ConvolvePiece(source + begin - k, (nint)begin * ContractOrder.PanelColumns, end - begin));
                }
            }
        }
    }
}
