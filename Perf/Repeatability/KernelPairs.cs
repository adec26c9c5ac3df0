using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Contract;
using RduEmu.Kernels.Templates.RowReduce;
using RduEmu.Kernels.Templates.SampleReduce;
using RduEmu.Kernels.Templates.Softmax;

namespace RduEmu.Perf.Repeatability;

/// <summary>A unit on one thread against a loop over the same arena.</summary>
internal abstract unsafe class KernelPair : CostPair
{
    private readonly HostArena _arena;
    private readonly HostArena _scratch;
    private readonly ConfiguredUnit _unit;
    private readonly int _items;

    protected KernelPair(ConfiguredUnit unit, int items, long arenaElements, long scratchElements)
    {
        _unit = unit;
        _items = items;
        _arena = Draw(arenaElements);
        _scratch = new HostArena(Math.Max(1, scratchElements) * sizeof(float));
    }

    public override int Threads => 1;

    protected float* Arena => (float*)_arena.Start;

    public override void Ordered() => _unit.Run(new HostTile(_arena.Start, _scratch.Start, 0, _items));

    public override void Dispose()
    {
        _arena.Dispose();
        _scratch.Dispose();
    }
}

/// <summary>y = x · w: chunks of 256 that are added, against one sum in blocks that stay in y.</summary>
internal sealed unsafe class ContractPair : KernelPair
{
    private const int Rows = 96;
    private const int Columns = 512;
    private const int Depth = 1024;
    private const int Weight = Rows * Depth;
    private const int Packed = Weight + Columns * Depth;
    private static readonly long Output = Packed + PackedWeight.LengthElements(Columns, Depth);
    private static readonly long Rival1 = Output + Rows * Columns;
    private static readonly long Rival2 = Rival1 + Rows * Columns;

    public ContractPair()
        : base(
            new ContractUnit<Accumulated>("contract", 1, Columns, Depth, new Operand(0, Depth), new Operand(Packed, 0), new Operand(Output, Columns), ProgramBinding.Empty, 0),
            Rows, Rival2 + Columns * Depth, 0)
    {
        // The weights are w[n, k]; each side has them packed as it likes, before the clock starts.
        new PackUnit("pack", Columns, Depth, transposed: false, new Operand(Weight, Depth), new Operand(Packed, 0)).Run(new HostTile((byte*)Arena, (byte*)Arena, 0, Columns));
        int width = UnorderedLoops.TileColumns;
        for (int n = 0; n < Columns; n++)
        {
            for (int k = 0; k < Depth; k++)
            {
                Arena[Rival2 + (long)(n - n % width) * Depth + k * width + n % width] = Arena[Weight + n * Depth + k];
            }
        }
    }

    public override string Operator => "contraction";

    public override string Shape => $"{Rows}x{Columns}x{Depth}, packed weights";

    public override string Rival => "one sum over k, blocked for the cache";

    public override void Unordered() => UnorderedLoops.Product(Arena, Depth, 1, Arena + Rival2, Arena + Rival1, Rows, Columns, Depth, null, isPacked: true);

    public override double RelativeDifference() => Difference(new(Arena + Output, Rows * Columns), new(Arena + Rival1, Rows * Columns));
}

/// <summary>dw = dyᵀ · x over samples: leaves of 32 and a binary tree, against one sum in blocks that stay in dw.</summary>
internal sealed unsafe class SampleContractPair : KernelPair
{
    private const int Rows = 132;
    private const int Columns = 512;
    private const int Samples = 2048;
    private const long X = (long)Samples * Rows;
    private const long Output = X + (long)Samples * Columns;
    private const long Other = Output + Rows * Columns;
    private const long Panel = Other + Rows * Columns;

    public SampleContractPair()
        : base(
            new SampleContractUnit("gradient", Columns, Samples, 1, new Operand(0, Rows), new Operand(X, Columns), new Operand(Output, Columns), 0),
            Rows, Panel + 256 * 32, SampleContractUnit.ScratchElements(Samples, SampleTree.GroupRows(1), Rows, Columns))
    {
    }

    public override string Operator => "weight gradient";

    public override string Shape => $"{Rows}x{Columns} over {Samples} samples";

    public override string Rival => "one sum over the samples, blocked for the cache";

    public override void Unordered() => UnorderedLoops.Product(Arena, 1, Rows, Arena + X, Arena + Other, Rows, Columns, Samples, Arena + Panel, isPacked: false);

    public override double RelativeDifference() => Difference(new(Arena + Output, Rows * Columns), new(Arena + Other, Rows * Columns));
}

/// <summary>Sums of rows: 16 lanes and a tree, against eight vectors of chains.</summary>
internal sealed unsafe class RowSumPair : KernelPair
{
    private readonly int _rows;
    private readonly int _columns;

    public RowSumPair(int rows, int columns)
        : base(
            new RowReduceUnit<RowSum, Full<S0>, Accumulated>(
                "sum", 1, columns, new Operand((long)rows * columns, 1), new ProgramBinding([new Operand(0, columns)], [SlotAccess.Full]), ProgramBinding.Empty),
            rows, (long)rows * (columns + 2), 0)
    {
        _rows = rows;
        _columns = columns;
    }

    public override string Operator => "row reduction";

    public override string Shape => $"{_rows} rows of {_columns}";

    public override string Rival => "eight chains of the widest vector";

    public override void Unordered()
    {
        float* result = Arena + (long)_rows * (_columns + 1);
        for (int row = 0; row < _rows; row++)
        {
            result[row] = UnorderedLoops.RowSum(Arena + (long)row * _columns, _columns);
        }
    }

    public override double RelativeDifference() => Difference(new(Arena + (long)_rows * _columns, _rows), new(Arena + (long)_rows * (_columns + 1), _rows));
}

/// <summary>Softmax of rows: the same exp, the maximum in four chains and a multiplication by 1 / sum.</summary>
internal sealed unsafe class SoftmaxPair : KernelPair
{
    private readonly int _rows;
    private readonly int _columns;

    public SoftmaxPair(int rows, int columns)
        : base(
            new SoftmaxUnit("softmax", 1, columns, 1f, new Operand(0, columns), new Operand((long)rows * columns, columns)), rows, 3L * rows * columns, 0)
    {
        _rows = rows;
        _columns = columns;
    }

    public override string Operator => "softmax";

    public override string Shape => $"{_rows} rows of {_columns}";

    public override string Rival => "the same exp, four chains for the maximum, one division a row";

    public override void Unordered()
    {
        for (int row = 0; row < _rows; row++)
        {
            UnorderedLoops.Softmax(Arena + (long)row * _columns, Arena + (2L * _rows + row) * _columns, _columns);
        }
    }

    public override double RelativeDifference() => Difference(new(Arena + (long)_rows * _columns, _rows * _columns), new(Arena + 2L * _rows * _columns, _rows * _columns));
}
