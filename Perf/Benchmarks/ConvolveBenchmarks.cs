using BenchmarkDotNet.Attributes;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Convolve;

namespace RduEmu.Perf.Benchmarks;

/// <summary>A square convolution of one square image, padded so that stride 1 keeps its extent.</summary>
public sealed record Filters(int Extent, int Channels, int Results, int Kernel, int Stride = 1)
{
    public ConvolveGeometry Geometry
    {
        get
        {
            int pad = Stride == 1 ? Kernel / 2 : 0;
            var axis = ConvolveAxis.Forward(Extent, Kernel, Stride, 1, pad, pad);
            return new ConvolveGeometry(axis, axis, Channels, Results, 1);
        }
    }

    public static Work Work(ConvolveGeometry geometry) => new(
        geometry.Operations,
        sizeof(float) * ((double)geometry.SourcePixels * geometry.SourceChannels + (double)geometry.ResultPixels * geometry.ResultChannels
            + (double)geometry.Depth * geometry.ResultChannels));

    public override string ToString() => $"{Extent}²x{Channels}>{Results}:{Kernel}/{Stride}";
}

/// <summary>A convolution on one image.</summary>
public class Convolve : UnitBenchmark
{
    [ParamsSource(nameof(AllFilters))]
    public Filters Filters { get; set; } = null!;

    public static IEnumerable<Filters> AllFilters =>
    [
        new(256, 3, 32, 3), new(256, 32, 32, 3), new(128, 64, 64, 3), new(32, 256, 256, 3), new(16, 512, 512, 3), new(64, 256, 64, 1),
    ];

    public override Work Work => Filters.Work(Filters.Geometry);

    protected override (ConfiguredUnit Unit, int Items, long ArenaElements, long ScratchElements) Create() => Create(Filters.Geometry);

    internal static (ConfiguredUnit Unit, int Items, long ArenaElements, long ScratchElements) Create(ConvolveGeometry geometry)
    {
        long packed = (long)geometry.SourcePixels * geometry.SourceChannels;
        long result = packed + PackedFilter.LengthElements(geometry);
        var unit = new ConvolveUnit<Accumulated>(
            "convolution", geometry, new Operand(0, geometry.SourceChannels), new Operand(packed, 0), new Operand(result, geometry.ResultChannels),
            ProgramBinding.Empty, 0);
        return (unit, 1, result + (long)geometry.ResultPixels * geometry.ResultChannels, 0);
    }
}

/// <summary>The gradient of a convolution by its input; of 2x2/2 also a transposed convolution.</summary>
public class ConvolveGradient : UnitBenchmark
{
    [ParamsSource(nameof(AllFilters))]
    public Filters Filters { get; set; } = null!;

    public static IEnumerable<Filters> AllFilters => [new(256, 32, 32, 3), new(32, 256, 256, 3), new(64, 64, 128, 2, 2)];

    public override Work Work => Filters.Work(Filters.Geometry.ToGradient());

    protected override (ConfiguredUnit Unit, int Items, long ArenaElements, long ScratchElements) Create() => Convolve.Create(Filters.Geometry.ToGradient());
}

/// <summary>The gradient of a convolution by its filter, all rows in one tile.</summary>
public class FilterGradient : UnitBenchmark
{
    [ParamsSource(nameof(AllFilters))]
    public Filters Filters { get; set; } = null!;

    public static IEnumerable<Filters> AllFilters => [new(256, 3, 32, 3), new(256, 32, 32, 3), new(128, 64, 64, 3), new(32, 256, 256, 3), new(16, 512, 512, 3)];

    public override Work Work => Filters.Work(Filters.Geometry);

    protected override (ConfiguredUnit Unit, int Items, long ArenaElements, long ScratchElements) Create()
    {
        ConvolveGeometry geometry = Filters.Geometry;
        long x = (long)geometry.ResultPixels * geometry.ResultChannels;
        long output = x + (long)geometry.SourcePixels * geometry.SourceChannels;
        var unit = new SampleConvolveUnit(
            "gradient", geometry, 1, new Operand(0, geometry.ResultChannels), new Operand(x, geometry.SourceChannels),
            new Operand(output, geometry.Depth), 0);
        return (unit, geometry.ResultChannels, output + (long)geometry.Depth * geometry.ResultChannels,
            SampleConvolveUnit.ScratchElements(geometry, 1, geometry.ResultChannels));
    }
}
