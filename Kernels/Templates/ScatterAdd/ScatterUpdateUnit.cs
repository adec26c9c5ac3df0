using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates.Map;
using RduEmu.Kernels.Templates.RowReduce;

namespace RduEmu.Kernels.Templates.ScatterAdd;

/// <summary>What an update keeps for each destination besides the destination itself.</summary>
public enum ScatterState
{
    None,

    /// <summary>A row as long as the destination's, updated element by element (Adagrad).</summary>
    Elements,

    /// <summary>One value, updated with the mean of g² over the row (row-wise Adagrad: Mudigere et al., ISCA'22, section 4.1.4).</summary>
    Row,
}

/// <summary>What the kernel needs besides its programs.</summary>
/// <param name="Weighted">1 if each contribution is multiplied by its weight, else 0.</param>
public readonly record struct ScatterUpdateArguments(
    Operand Indices, Operand Weights, Operand Gradient, Operand Destination, Operand State, Operand Sums,
    SlotTable StateSlots, SlotTable UpdateSlots, int Samples, int Hotness, int Width, int StateKind, int Weighted);

/// <summary>
/// Template <c>ScatterAdd</c>: for every row r that an index names, g = sum over the positions (b, h) with index[b, h] = r of
/// dy[b, :], in ascending position from +0; then state[r] = stateProgram(r, g) and destination[r, :] = update(r, g). The
/// programs' leaf <see cref="Accumulated"/> is g, their slots are read at row r. With <c>Binary&lt;Add, Full&lt;S0&gt;,
/// Accumulated&gt;</c> it is index_add; with SGD or Adagrad the sparse optimiser step. An index of -1 is absent. With weights
/// each contribution is weight[b, h] · dy[b, :], added by an FMA.
/// </summary>
/// <remarks>
/// Its pipeline has one item; many tables run side by side. The host groups the positions by a stable radix sort of the
/// integers; no float meets an atomic anywhere.
/// </remarks>
public sealed unsafe class ScatterUpdateUnit<TState, TUpdate> : ConfiguredUnit
    where TState : struct, IProgram
    where TUpdate : struct, IProgram
{
    /// <summary>Digits of the radix sort: 2048 counters are 8 KB of stack, and a table of 4 million rows takes two passes.</summary>
    private const int DigitBits = 11;

    /// <summary>Columns summed at once, on the stack.</summary>
    private const int MaximumWidth = 4096;

    /// <summary>How many positions ahead a gradient and a destination row are fetched: sorted, both come in any order.</summary>
    private const int PrefetchPositions = 8;

    private readonly ScatterUpdateArguments _arguments;
    private readonly ProgramBinding _state;
    private readonly ProgramBinding _update;
    private readonly ScatterState _stateKind;
    private readonly int _digits;
    private readonly long _scratchOffsetElements;

    /// <param name="rows">Rows of the destination.</param>
    /// <param name="sums">Arena workspace [samples · hotness, width] for a device's sums; the host does not touch it.</param>
    /// <param name="scratchOffsetElements">Where in the worker's scratch its <see cref="ScratchElements"/> words begin.</param>
    /// <param name="weights">One for each index, [samples, hotness]; null for all one.</param>
    public ScatterUpdateUnit(
        string name, int rows, int width, int samples, int hotness, Operand indices, Operand gradient, Operand destination,
        ProgramBinding update, ScatterState stateKind, Operand state, ProgramBinding stateBinding, Operand sums, long scratchOffsetElements,
        Operand? weights = null)
        : base(name, rowsPerItem: 1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, MaximumWidth);
        _arguments = new ScatterUpdateArguments(
            indices, weights ?? default, gradient, destination, state, sums, stateBinding.Slots, update.Slots, samples, hotness, width,
            (int)stateKind, weights is null ? 0 : 1);
        _state = stateBinding;
        _update = update;
        _stateKind = stateKind;
        _digits = Math.Max(1, (32 - BitOperations.LeadingZeroCount((uint)Math.Max(0, rows - 1)) + DigitBits - 1) / DigitBits);
        _scratchOffsetElements = scratchOffsetElements;
    }

    public override long OperationsPerItem => 3L * _arguments.Samples * _arguments.Hotness * _arguments.Width;

    /// <summary>Words of scratch that the host needs: two lists of positions.</summary>
    public static long ScratchElements(int samples, int hotness) => 2L * samples * hotness;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        ScatterUpdateArguments p = _arguments;
        var sums = new float[p.Width];
        int positions = p.Samples * p.Hotness;
        for (int first = 0; first < positions; first++)
        {
            int row = memory.Int(p.Indices, first / p.Hotness, first % p.Hotness);
            if (row < 0 || !IsFirst(memory, first, row))
            {
                continue;
            }

            Array.Clear(sums);
            for (int position = first; position < positions; position++)
            {
                if (memory.Int(p.Indices, position / p.Hotness, position % p.Hotness) == row)
                {
                    for (int column = 0; column < p.Width; column++)
                    {
                        float element = memory.Float(p.Gradient, position / p.Hotness, column);
                        sums[column] = p.Weighted != 0
                            ? Exact.Fma(memory.Float(p.Weights, position / p.Hotness, position % p.Hotness), element, sums[column])
                            : Exact.Add(sums[column], element);
                    }
                }
            }

            if (_stateKind == ScatterState.Row)
            {
                float mean = Exact.Div(RowOrder.SumOfSquares(sums), p.Width);
                var frame = new InterpreterFrame(memory, p.StateSlots, row, 0, mean);
                memory.Store(p.State, row, 0, TState.Evaluate<ScalarLane, float, int, InterpreterFrame>(in frame));
            }

            for (int column = 0; column < p.Width; column++)
            {
                if (_stateKind == ScatterState.Elements)
                {
                    var stateFrame = new InterpreterFrame(memory, p.StateSlots, row, column, sums[column]);
                    memory.Store(p.State, row, column, TState.Evaluate<ScalarLane, float, int, InterpreterFrame>(in stateFrame));
                }

                var frame = new InterpreterFrame(memory, p.UpdateSlots, row, column, sums[column]);
                memory.Store(p.Destination, row, column, TUpdate.Evaluate<ScalarLane, float, int, InterpreterFrame>(in frame));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        int* positions = (int*)tile.Scratch + _scratchOffsetElements;
        int* other = positions + (long)_arguments.Samples * _arguments.Hotness;
        var whole = new HostTile(tile.Arena, tile.Scratch, 0, _arguments.Samples);
        int* indices = (int*)whole.Whole(_arguments.Indices);
        int count = Group(indices, ref positions, other);
        Update(in whole, indices, positions, count);
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(ScatterUpdateKernel.Run<TState, TUpdate>, checked(_arguments.Samples * _arguments.Hotness), _arguments);

    private bool IsFirst(InterpreterMemory memory, int position, int row)
    {
        for (int earlier = 0; earlier < position; earlier++)
        {
            if (memory.Int(_arguments.Indices, earlier / _arguments.Hotness, earlier % _arguments.Hotness) == row)
            {
                return false;
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int SampleOf(int position) => _arguments.Hotness == 1 ? position : position / _arguments.Hotness;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int IndexAt(int* indices, int position) => _arguments.Hotness == 1
        ? indices[(nint)position * _arguments.Indices.RowStrideElements]
        : indices[(nint)(position / _arguments.Hotness) * _arguments.Indices.RowStrideElements + position % _arguments.Hotness];

    /// <summary>The present positions by ascending index, equal ones by ascending position; where they end up is left in positions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Group(int* indices, ref int* positions, int* other)
    {
        int count = 0;
        int all = _arguments.Samples * _arguments.Hotness;
        for (int position = 0; position < all; position++)
        {
            positions[count] = position;
            count += IndexAt(indices, position) >= 0 ? 1 : 0;
        }

        int* starts = stackalloc int[1 << DigitBits];
        for (int digit = 0; digit < _digits; digit++)
        {
            int shift = digit * DigitBits;
            const int mask = (1 << DigitBits) - 1;
            new Span<int>(starts, 1 << DigitBits).Clear();
            for (int i = 0; i < count; i++)
            {
                starts[(IndexAt(indices, positions[i]) >> shift) & mask]++;
            }

            int sum = 0;
            for (int i = 0; i <= mask; i++)
            {
                int here = starts[i];
                starts[i] = sum;
                sum += here;
            }

            for (int i = 0; i < count; i++)
            {
                int position = positions[i];
                other[starts[(IndexAt(indices, position) >> shift) & mask]++] = position;
            }

            int* swap = positions;
            positions = other;
            other = swap;
        }

        return count;
    }

    private void Update(in HostTile tile, int* indices, int* positions, int count)
    {
        int width = _arguments.Width;
        float* sums = stackalloc float[width];
        float** rows = stackalloc float*[SlotTable.MaximumSlots];
        nint* strides = stackalloc nint[SlotTable.MaximumSlots];
        float* gradient = tile.Whole(_arguments.Gradient);
        nint gradientStride = _arguments.Gradient.RowStrideElements;
        float* weights = _arguments.Weighted != 0 ? tile.Whole(_arguments.Weights) : null;
        float* destination = tile.Whole(_arguments.Destination);
        nint destinationStride = _arguments.Destination.RowStrideElements;
        for (int i = 0; i < count;)
        {
            int row = IndexAt(indices, positions[i]);
            Prefetch(i);
            new Span<float>(sums, width).Clear();
            if (weights is null)
            {
                // +0 plus the first contribution: -0 becomes +0, as in every chain that starts from +0.
                AddRow(sums, gradient + SampleOf(positions[i]) * gradientStride, width);
                for (i++; i < count && IndexAt(indices, positions[i]) == row; i++)
                {
                    Prefetch(i);
                    AddRow(sums, gradient + SampleOf(positions[i]) * gradientStride, width);
                }
            }
            else
            {
                for (; i < count && IndexAt(indices, positions[i]) == row; i++)
                {
                    Prefetch(i);
                    long sample = SampleOf(positions[i]);
                    float weight = weights[sample * _arguments.Weights.RowStrideElements + positions[i] % _arguments.Hotness];
                    AddWeightedRow(sums, weight, gradient + sample * gradientStride, width);
                }
            }

            var at = new HostTile(tile.Arena, tile.Scratch, row, 1);
            if (_stateKind == ScatterState.Row)
            {
                float mean = RowOrder.SumOfSquares(new ReadOnlySpan<float>(sums, width)) / width;
                _state.Bind(in at, 1, 0, rows, strides);
                EpilogueHost.Row<TState>(rows, &mean, at.Row(_arguments.State, 1, 0), 0, 1);
            }
            else if (_stateKind == ScatterState.Elements)
            {
                _state.Bind(in at, 1, 0, rows, strides);
                EpilogueHost.Row<TState>(rows, sums, at.Row(_arguments.State, 1, 0), 0, width);
            }

            _update.Bind(in at, 1, 0, rows, strides);
            EpilogueHost.Row<TUpdate>(rows, sums, destination + row * destinationStride, 0, width);
        }

        void Prefetch(int i)
        {
            if (i + PrefetchPositions < count && Sse.IsSupported)
            {
                int position = positions[i + PrefetchPositions];
                Sse.Prefetch0(gradient + SampleOf(position) * gradientStride);
                Sse.Prefetch0(destination + IndexAt(indices, position) * destinationStride);
            }
        }
    }

    private static void AddWeightedRow(float* sums, float weight, float* row, int width)
    {
        int column = 0;
        for (; column + 16 <= width; column += 16)
        {
            Vector512.FusedMultiplyAdd(Vector512.Create(weight), Vector512.Load(row + column), Vector512.Load(sums + column)).Store(sums + column);
        }

        for (; column < width; column++)
        {
            sums[column] = MathF.FusedMultiplyAdd(weight, row[column], sums[column]);
        }
    }

    private static void AddRow(float* sums, float* row, int width)
    {
        int column = 0;
        for (; column + 16 <= width; column += 16)
        {
            (Vector512.Load(sums + column) + Vector512.Load(row + column)).Store(sums + column);
        }

        for (; column < width; column++)
        {
            sums[column] += row[column];
        }
    }
}
