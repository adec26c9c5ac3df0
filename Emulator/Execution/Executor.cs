using System.Buffers;
using System.Runtime.InteropServices;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Lowering.Stages;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Emulator.Execution;

/// <summary>A compiled program on a device: write inputs and parameters, load, run steps, read results.</summary>
public abstract class Executor(CompiledProgram program) : IDisposable
{
    private readonly ExchangeStage[][] _exchanges =
        [.. program.Plan.Select(section => section.Pipelines.SelectMany(pipeline => pipeline.Stages).OfType<ExchangeStage>().ToArray())];

    public CompiledProgram Program { get; } = program;

    /// <summary>Makes the exchanges of a section with other RDUs; needed by programs that have some.</summary>
    public Action<Executor, IReadOnlyList<ExchangeStage>>? Exchanger { get; set; }

    /// <summary>Writes all elements of an input or parameter.</summary>
    /// <param name="value">A value with storage in the arena.</param>
    /// <param name="elements">Row-major; as many as the value has.</param>
    public void Write(ValueId value, ReadOnlySpan<float> elements)
    {
        RequireCount(value, elements.Length);
        Write(value, 0, elements);
    }

    /// <summary>
    /// Writes some elements of a value that is stored whole, from <paramref name="firstElement"/> on: large tables go in pieces. A
    /// value of bf16 takes the nearest ones.
    /// </summary>
    public void Write(ValueId value, long firstElement, ReadOnlySpan<float> elements)
    {
        RequireHeld(value);
        if (IsPaired(value))
        {
            WritePairs(value, firstElement, elements);
        }
        else
        {
            WriteWords(Program.Operands[value].OffsetElements + firstElement, MemoryMarshal.Cast<float, int>(elements));
        }
    }

    /// <summary>Reads some elements of a value that is stored whole; bf16 are widened.</summary>
    public void Read(ValueId value, long firstElement, Span<float> elements)
    {
        RequireHeld(value);
        if (IsPaired(value))
        {
            ReadPairs(value, firstElement, elements);
        }
        else
        {
            ReadWords(Program.Operands[value].OffsetElements + firstElement, MemoryMarshal.Cast<float, int>(elements));
        }
    }

    /// <summary>Reads neighbouring words of a row, the value's first axis being rows.</summary>
    public void ReadRow(ValueId value, int row, long firstWord, Span<int> words) => ReadWords(Program.Operands[value].At(row, 0) + firstWord, words);

    /// <summary>Writes neighbouring words of a row, the value's first axis being rows.</summary>
    public void WriteRow(ValueId value, int row, long firstWord, ReadOnlySpan<int> words) => WriteWords(Program.Operands[value].At(row, 0) + firstWord, words);

    /// <inheritdoc cref="Write(ValueId, ReadOnlySpan{float})"/>
    public void Write(ValueId value, ReadOnlySpan<int> elements) => WriteWords(Target(value, elements.Length), elements);

    /// <summary>Writes a value of any element type.</summary>
    public void Write(ValueId value, HostTensor tensor)
    {
        if (tensor.Type != Program.Graph[value].Type with { HasSamples = false })
        {
            throw new ArgumentException($"{Program.Graph[value].Name} is {Program.Graph[value].Type}, not {tensor.Type}");
        }

        // In pieces: the words of a narrow type are not held all at once.
        const int pieceElements = 1 << 16;
        int WordsOf(int elements) => checked((int)tensor.Type.WordsOf(elements));
        var words = new int[WordsOf(Math.Min(tensor.Count, pieceElements))];
        for (int first = 0; first < tensor.Count; first += pieceElements)
        {
            Span<int> piece = words.AsSpan(0, WordsOf(Math.Min(pieceElements, tensor.Count - first)));
            tensor.ToWords(first, piece);
            WriteWords(Program.Operands[value].OffsetElements + tensor.Type.WordsOf(first), piece);
        }

        if (Program.PackOnWrite.TryGetValue(value, out Section? packing))
        {
            Load(packing);
        }
    }

    /// <summary>Reads a value of any element type.</summary>
    public HostTensor Read(ValueId value)
    {
        RequireHeld(value);
        TensorType type = Program.Graph[value].Type;
        var words = new int[type.CountWords];
        ReadAllWords(value, words);
        return HostTensor.FromWords(type, words);
    }

    /// <summary>Reads all elements of a value, row-major.</summary>
    public void Read(ValueId value, Span<float> elements)
    {
        RequireCount(value, elements.Length);
        if (IsPaired(value))
        {
            ReadPairs(value, 0, elements);
        }
        else
        {
            ReadAllWords(value, MemoryMarshal.Cast<float, int>(elements));
        }
    }

    /// <summary>
    /// Another program in the same arena, on the same device: it must have been compiled over this one, and the arena been made
    /// large enough. This executor must outlive it.
    /// </summary>
    public abstract Executor Share(CompiledProgram program);

    /// <summary>Packs weights; to be called after parameters were written.</summary>
    public void Load() => Load(Program.Load);

    /// <summary>One step: all sections. On the host it allocates nothing.</summary>
    public abstract void Run();

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Runs a section that packs weights.</summary>
    protected abstract void Load(Section section);

    protected abstract void WriteWords(long offsetElements, ReadOnlySpan<int> words);

    protected abstract void ReadWords(long offsetElements, Span<int> words);

    protected abstract void Dispose(bool disposing);

    /// <summary>To be called before a section is run: what it takes from other RDUs.</summary>
    protected void MakeExchanges(int section)
    {
        if (_exchanges[section].Length > 0)
        {
            (Exchanger ?? throw new InvalidOperationException("the program exchanges values with other RDUs, but there are none"))(this, _exchanges[section]);
        }
    }

    /// <summary>To be called by a constructor once the arena is there.</summary>
    protected void WriteConstants()
    {
        foreach (ArenaConstant constant in Program.Constants)
        {
            WriteWords(constant.OffsetElements, constant.Words.AsSpan());
        }
    }

    /// <summary>The program, if the arena holds it.</summary>
    /// <exception cref="ArgumentException">The arena is too small.</exception>
    protected static CompiledProgram Fitting(CompiledProgram program, long arenaBytes) => program.ArenaBytes <= arenaBytes
        ? program
        : throw new ArgumentException($"the arena has {arenaBytes} bytes, the program needs {program.ArenaBytes}", nameof(program));

    private void RequireHeld(ValueId value)
    {
        if (Program.PackOnWrite.ContainsKey(value))
        {
            throw new InvalidOperationException($"{Program.Graph[value].Name} is kept as packed only");
        }
    }

    private bool IsPaired(ValueId value) => Program.Operands[value].IsPaired;

    /// <summary>Elements of pairs, which have no gaps in the arena; the first and the last may share a word with others.</summary>
    private void WritePairs(ValueId value, long firstElement, ReadOnlySpan<float> elements)
    {
        long firstWord = firstElement / 2;
        int count = checked((int)((firstElement + elements.Length + 1) / 2 - firstWord));
        int[] rented = ArrayPool<int>.Shared.Rent(count);
        Span<int> words = rented.AsSpan(0, count);
        ReadWords(Program.Operands[value].OffsetElements + firstWord, words);
        Span<ushort> halves = MemoryMarshal.Cast<int, ushort>(words)[(int)(firstElement % 2)..];
        for (int i = 0; i < elements.Length; i++)
        {
            halves[i] = (ushort)BFloat16.ToBits<ScalarLane, float, int>(BFloat16.NearestEven<ScalarLane, float, int>(elements[i]));
        }

        WriteWords(Program.Operands[value].OffsetElements + firstWord, words);
        ArrayPool<int>.Shared.Return(rented);
    }

    private void ReadPairs(ValueId value, long firstElement, Span<float> elements)
    {
        long firstWord = firstElement / 2;
        int count = checked((int)((firstElement + elements.Length + 1) / 2 - firstWord));
        int[] rented = ArrayPool<int>.Shared.Rent(count);
        Span<int> words = rented.AsSpan(0, count);
        ReadWords(Program.Operands[value].OffsetElements + firstWord, words);
        Span<ushort> halves = MemoryMarshal.Cast<int, ushort>(words)[(int)(firstElement % 2)..];
        for (int i = 0; i < elements.Length; i++)
        {
            elements[i] = BFloat16Pairs.Widen(halves[i]);
        }

        ArrayPool<int>.Shared.Return(rented);
    }

    private void ReadAllWords(ValueId value, Span<int> words)
    {
        TensorType type = Program.Graph[value].Type;
        Operand operand = Program.Operands[value];
        int rows = type.Rank < 2 ? 1 : type.Shape[0];
        int rowWords = rows == 0 ? 0 : words.Length / rows;
        if (operand.RowStrideElements == rowWords || rows <= 1)
        {
            ReadWords(operand.OffsetElements, words);
            return;
        }

        for (int row = 0; row < rows; row++)
        {
            ReadWords(operand.At(row, 0), words.Slice(row * rowWords, rowWords));
        }
    }

    private long Target(ValueId value, int count)
    {
        RequireCount(value, count);
        return Program.Operands[value].OffsetElements;
    }

    private void RequireCount(ValueId value, int count)
    {
        if (count != Program.Graph[value].Type.CountElements)
        {
            throw new ArgumentException($"{Program.Graph[value].Name} has {Program.Graph[value].Type.CountElements} elements, not {count}");
        }
    }
}
