using BenchmarkDotNet.Attributes;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.BatchContract;
using RduEmu.Kernels.Templates.Contract;
using RduEmu.Kernels.Templates.Gather;
using RduEmu.Kernels.Templates.Map;
using RduEmu.Kernels.Templates.SampleReduce;
using RduEmu.Kernels.Templates.ScatterAdd;

namespace RduEmu.Perf.Benchmarks;

/// <summary>The extents of a product: rows (samples or weights), columns and the summed extent.</summary>
public sealed record Extents(int Rows, int Columns, int Depth)
{
    public double Operations => 2.0 * Rows * Columns * Depth;

    public override string ToString() => $"{Rows}x{Columns}x{Depth}";
}

/// <summary>A layer on a tile: y[r, n] = sum of x[r, k] · w[n, k].</summary>
public class Contract : UnitBenchmark
{
    [ParamsSource(nameof(AllExtents))]
    public Extents Extents { get; set; } = null!;

    public static IEnumerable<Extents> AllExtents => [new(1, 512, 367), new(64, 512, 367), new(64, 256, 512), new(61, 256, 512), new(64, 512, 13)];

    public override Work Work => new(
        Extents.Operations,
        sizeof(float) * ((double)Extents.Rows * (Extents.Depth + Extents.Columns) + (double)Extents.Columns * Extents.Depth));

    protected override (ConfiguredUnit Unit, int Items, long ArenaElements, long ScratchElements) Create()
    {
        (int rows, int columns, int depth) = (Extents.Rows, Extents.Columns, Extents.Depth);
        long weight = (long)rows * depth;
        long output = weight + PackedWeight.LengthElements(columns, depth);
        var unit = new ContractUnit<Accumulated>(
            "contract", 1, columns, depth, new Operand(0, depth), new Operand(weight, 0), new Operand(output, columns), ProgramBinding.Empty, 0);
        return (unit, rows, output + (long)rows * columns, 0);
    }
}

/// <summary>A weight gradient: dw[n, k] = sum over samples of dy[b, n] · x[b, k]; Depth counts samples.</summary>
public class SampleContract : UnitBenchmark
{
    [ParamsSource(nameof(AllExtents))]
    public Extents Extents { get; set; } = null!;

    public static IEnumerable<Extents> AllExtents => [new(132, 367, 2048), new(132, 512, 2048), new(64, 256, 2048), new(132, 13, 2048)];

    public override Work Work => new(
        Extents.Operations,
        sizeof(float) * ((double)Extents.Depth * (Extents.Rows + Extents.Columns) + (double)Extents.Rows * Extents.Columns));

    protected override (ConfiguredUnit Unit, int Items, long ArenaElements, long ScratchElements) Create()
    {
        (int rows, int columns, int samples) = (Extents.Rows, Extents.Columns, Extents.Depth);
        long x = (long)samples * rows;
        long output = x + (long)samples * columns;
        var unit = new SampleContractUnit("gradient", columns, samples, 1, new Operand(0, rows), new Operand(x, columns), new Operand(output, columns), 0);
        return (unit, rows, output + (long)rows * columns, SampleContractUnit.ScratchElements(samples, SampleTree.GroupRows(1), rows, columns));
    }
}

/// <summary>The pairs of a DLRM's interaction and their gradient: one small product for each of 64 samples.</summary>
public class BatchContract : UnitBenchmark
{
    private const int Samples = 64;

    [ParamsSource(nameof(AllExtents))]
    public Extents Extents { get; set; } = null!;

    public static IEnumerable<Extents> AllExtents => [new(27, 27, 16), new(27, 16, 27)];

    public override Work Work => new(
        Samples * Extents.Operations,
        sizeof(float) * (double)Samples * (Extents.Rows * Extents.Depth + Extents.Columns * Extents.Depth + Extents.Rows * Extents.Columns));

    protected override (ConfiguredUnit Unit, int Items, long ArenaElements, long ScratchElements) Create()
    {
        (int rows, int columns, int depth) = (Extents.Rows, Extents.Columns, Extents.Depth);
        long b = (long)Samples * rows * depth;
        long c = b + (long)Samples * columns * depth;
        var unit = new BatchContractUnit(
            "product", rows, columns, depth, transposeA: false, transposeB: rows == columns,
            new Operand(0, rows * depth), new Operand(b, columns * depth), new Operand(c, rows * columns));
        return (unit, Samples, c + (long)Samples * rows * columns, 0);
    }
}

/// <summary>An elementwise program over 64 rows of 512.</summary>
/// <typeparam name="TProgram">What is computed.</typeparam>
[GenericTypeArguments(typeof(Unary<ReluFunction, Full<S0>>))]
[GenericTypeArguments(typeof(Unary<SigmoidFunction, Full<S0>>))]
[GenericTypeArguments(typeof(Binary<AddFunction, Full<S0>, Full<S1>>))]
public class Map<TProgram> : UnitBenchmark
    where TProgram : struct, IProgram
{
    private const int Rows = 64;
    private const int Columns = 512;

    private static readonly int Inputs = typeof(TProgram).GetGenericTypeDefinition() == typeof(Unary<,>) ? 1 : 2;

    public override Work Work => new((double)Rows * Columns, sizeof(float) * (Inputs + 1.0) * Rows * Columns);

    protected override (ConfiguredUnit Unit, int Items, long ArenaElements, long ScratchElements) Create()
    {
        const int elements = Rows * Columns;
        var inputs = new Operand[Inputs];
        var accesses = new SlotAccess[Inputs];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = new Operand((i + 1) * elements, Columns);
        }

        return (new MapUnit<TProgram>("map", 1, Columns, new Operand(0, Columns), new ProgramBinding(inputs, accesses), 1), Rows, (Inputs + 1) * elements, 0);
    }
}

/// <summary>2048 rows of a table at random.</summary>
public class Gather : UnitBenchmark
{
    private const int Samples = 2048;
    private const int Width = 16;

    [Params(1_000, 100_000, 4_000_000)]
    public int TableRows { get; set; }

    public override Work Work => new((double)Samples * Width, Samples * sizeof(float) * (1 + 2.0 * Width));

    protected override (ConfiguredUnit Unit, int Items, long ArenaElements, long ScratchElements) Create()
    {
        const int output = Samples;
        const int table = output + Samples * Width;
        var unit = new GatherUnit("gather", Width, 1, new Operand(0, 1), new Operand(table, Width), new Operand(output, Width));
        return (unit, Samples, table + (long)TableRows * Width, 0);
    }

    protected override unsafe void Fill(float* arena, Random random)
    {
        for (int i = 0; i < Samples; i++)
        {
            ((int*)arena)[i] = random.Next(TableRows);
        }
    }
}

/// <summary>The sparse step of SGD of 2048 gradients into a table.</summary>
public class ScatterUpdate : UnitBenchmark
{
    private const int Samples = 2048;
    private const int Width = 16;

    [Params(10, 1_000, 100_000, 4_000_000)]
    public int TableRows { get; set; }

    /// <summary>A gradient is read, a row read and written.</summary>
    public override Work Work => new(3.0 * Samples * Width, Samples * sizeof(float) * (1 + 3.0 * Width));

    protected override (ConfiguredUnit Unit, int Items, long ArenaElements, long ScratchElements) Create()
    {
        const int rate = Samples;
        const int gradient = rate + 16;
        const int table = gradient + Samples * Width;
        var destination = new Operand(table, Width);
        var update = new ProgramBinding([destination, new Operand(rate, 1)], [SlotAccess.Full, SlotAccess.Uniform]);
        var unit = new ScatterUpdateUnit<Accumulated, Ternary<SgdFunction, Full<S0>, Accumulated, Uniform<S1>>>(
            "sgd", TableRows, Width, Samples, 1, new Operand(0, 1), new Operand(gradient, Width), destination, update,
            ScatterState.None, default, ProgramBinding.Empty, default, 0);
        return (unit, 1, table + (long)TableRows * Width, ScatterUpdateUnit<Accumulated, Accumulated>.ScratchElements(Samples, 1));
    }

    protected override unsafe void Fill(float* arena, Random random)
    {
        for (int i = 0; i < Samples; i++)
        {
            ((int*)arena)[i] = random.Next(TableRows);
        }
    }
}
