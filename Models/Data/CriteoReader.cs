using System.Buffers.Text;
using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.GZip;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Models.Data;

/// <summary>Which rows of the files a reader gives.</summary>
public enum CriteoRows
{
    All,

    /// <summary>All but every tenth.</summary>
    Training,

    /// <summary>Every tenth: rows 10, 20, ... of all files together.</summary>
    HeldOut,
}

/// <summary>
/// The Criteo Kaggle and Terabyte format, streamed: label, 13 integers and 26 hexadecimal categories in a row, separated by
/// tabs, plain or compressed by gzip. A missing or negative integer is 0, then x -> ln(1 + x); a missing category is 0, then
/// its value modulo the rows of its table (github.com/facebookresearch/dlrm, data_utils.py, lines 153, 839 and 1017).
/// </summary>
public sealed class CriteoReader : IClickSource
{
    public const int DenseFeatures = 13;
    public const int Categories = 26;

    private const int FieldCount = 1 + DenseFeatures + Categories;
    private const int BufferBytes = 1 << 18;
    private const int DecompressionBytes = 1 << 16;
    private const int HeldOutPeriod = 10;

    private readonly string[] _paths;
    private readonly CriteoRows _rows;
    private byte[] _buffer = new byte[BufferBytes];
    private int _begin;
    private int _end;
    private Stream? _stream;
    private int _file;
    private long _rowInFile;
    private long _rowInAll;

    /// <param name="path">A file, or a folder all of whose .txt, .tsv, .gz and day_* files are read in the order of their names.</param>
    /// <param name="schema">Rows of the tables; 13 dense features and 26 tables of one category.</param>
    /// <param name="rows">Which rows are given.</param>
    /// <exception cref="RduException">RDU0101: there is no such file or folder. RDU0201: the schema has not Criteo's shape.</exception>
    public CriteoReader(string path, ClickSchema schema, CriteoRows rows)
    {
        if (schema.DenseFeatures != DenseFeatures || schema.Tables != Categories || schema.TableHotness.Any(hotness => hotness != 1))
        {
            throw new RduException(
                ErrorCatalogue.OptionInvalid, "--preset", "13 dense features and 26 tables of one category, as Criteo's files have",
                $"{schema.DenseFeatures} and {schema.Tables}", "use --preset kaggle, terabyte-small or mlperf with these data");
        }

        Schema = schema;
        _rows = rows;
        Name = path;
        _paths = Files(path);
    }

    public string Name { get; }

    public ClickSchema Schema { get; }

    public bool KnowsBestScores => false;

    public void Read(ClickBatch batch)
    {
        int count = 0;
        while (count < batch.CapacitySamples && NextRow(out int begin, out int length))
        {
            _rowInFile++;
            _rowInAll++;
            if (_rows != CriteoRows.All && (_rowInAll % HeldOutPeriod == 0) != (_rows == CriteoRows.HeldOut))
            {
                continue;
            }

            Parse(_buffer.AsSpan(begin, length), batch, count);
            count++;
        }

        batch.CountSamples = count;
    }

    public void Rewind(int epoch)
    {
        Close();
        _file = 0;
        _rowInAll = 0;
    }

    public void Dispose() => Close();

    private static string[] Files(string path)
    {
        if (File.Exists(path))
        {
            return [path];
        }

        string[] files = !Directory.Exists(path) ? [] :
        [
            .. Directory.EnumerateFiles(path)
                .Where(file => Path.GetExtension(file) is ".txt" or ".tsv" or ".gz" || Path.GetFileName(file).StartsWith("day_", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
        ];
        return files.Length > 0 ? files : throw new RduException(
            ErrorCatalogue.FileMissing, path, "a Criteo file, or a folder with .txt, .tsv, .gz or day_* files", "nothing there", "correct the path");
    }

    /// <summary>The next line without its end, as a range of the buffer.</summary>
    private bool NextRow(out int begin, out int length)
    {
        while (true)
        {
            if (_stream is null && !Open())
            {
                begin = length = 0;
                return false;
            }

            int newline = _buffer.AsSpan(_begin, _end - _begin).IndexOf((byte)'\n');
            if (newline < 0 && Refill())
            {
                continue;
            }

            begin = _begin;
            length = newline < 0 ? _end - _begin : newline;
            _begin += newline < 0 ? length : length + 1;
            if (newline < 0)
            {
                Close();
                _file++;
            }

            if (length > 0 && _buffer[begin + length - 1] == '\r')
            {
                length--;
            }

            if (length > 0)
            {
                return true;
            }
        }
    }

    private bool Open()
    {
        if (_file == _paths.Length)
        {
            return false;
        }

        string path = _paths[_file];
        try
        {
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferBytes, FileOptions.SequentialScan);
            _stream = Path.GetExtension(path) == ".gz" ? new GZipInputStream(file, DecompressionBytes) : file;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a readable file", error.Message, "correct the path or its permissions");
        }

        _begin = _end = 0;
        _rowInFile = 0;
        return true;
    }

    /// <summary>More bytes behind those that are left; false at the end of the file.</summary>
    private bool Refill()
    {
        _buffer.AsSpan(_begin, _end - _begin).CopyTo(_buffer);
        _end -= _begin;
        _begin = 0;
        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        }

        try
        {
            int read = _stream!.Read(_buffer, _end, _buffer.Length - _end);
            _end += read;
            return read > 0;
        }
        catch (Exception error) when (error is SharpZipBaseException or EndOfStreamException)
        {
            throw new RduException(
                ErrorCatalogue.FileTruncated, $"{_paths[_file]}, after row {_rowInFile}", "a complete gzip stream", error.Message, "fetch the file again");
        }
        catch (IOException error)
        {
            throw new RduException(ErrorCatalogue.FileMissing, $"{_paths[_file]}, after row {_rowInFile}", "a readable file", error.Message, "check the disk");
        }
    }

    private void Close()
    {
        _stream?.Dispose();
        _stream = null;
        _begin = _end = 0;
    }

    private void Parse(ReadOnlySpan<byte> row, ClickBatch batch, int at)
    {
        int fields = row.Count((byte)'\t') + 1;
        if (fields != FieldCount)
        {
            throw new RduException(
                ErrorCatalogue.RowMalformed, Where(), $"{FieldCount} fields separated by tabs", $"{fields}", "correct or remove the row");
        }

        int field = 0;
        foreach (Range range in row.Split((byte)'\t'))
        {
            ReadOnlySpan<byte> text = row[range];
            if (field == 0)
            {
                batch.Targets[at] = text switch
                {
                    [(byte)'0'] => 0f,
                    [(byte)'1'] => 1f,
                    _ => throw Malformed(field, "a label of 0 or 1", text),
                };
            }
            else if (field <= DenseFeatures)
            {
                long count = Integer(text, field);
                batch.Dense[at * DenseFeatures + field - 1] = Logarithm.Log1p<ScalarLane, float, int>(Math.Max(0, count));
            }
            else
            {
                int table = field - 1 - DenseFeatures;
                batch.Indices[table][at] = (int)(Category(text, field) % (uint)Schema.TableRows[table]);
            }

            field++;
        }
    }

    private long Integer(ReadOnlySpan<byte> text, int field)
    {
        if (text.IsEmpty)
        {
            return 0;
        }

        if (Utf8Parser.TryParse(text, out long value, out int consumed) && consumed == text.Length)
        {
            return value;
        }

        if (Utf8Parser.TryParse(text, out double number, out consumed) && consumed == text.Length && !double.IsFinite(number))
        {
            throw new RduException(
                ErrorCatalogue.NotFinite, $"{Where()}, field {field + 1}", "an integer or nothing", System.Text.Encoding.UTF8.GetString(text), "correct the field, or leave it empty");
        }

        throw Malformed(field, "an integer or nothing", text);
    }

    private uint Category(ReadOnlySpan<byte> text, int field)
    {
        if (text.IsEmpty)
        {
            return 0;
        }

        return Utf8Parser.TryParse(text, out uint value, out int consumed, 'x') && consumed == text.Length
            ? value
            : throw Malformed(field, "a hexadecimal number of at most 32 bits, or nothing", text);
    }

    private RduException Malformed(int field, string expected, ReadOnlySpan<byte> text) => new(
        ErrorCatalogue.FieldMalformed, $"{Where()}, field {field + 1}", expected,
        $"\"{System.Text.Encoding.UTF8.GetString(text[..Math.Min(text.Length, 40)])}\"", "correct or remove the row");

    private string Where() => $"{_paths[Math.Min(_file, _paths.Length - 1)]}, row {_rowInFile}";
}
