using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Placement.Sections;

/// <summary>
/// The planner's own idea of time, in whole cycles: enough to balance stages and to choose where sections end. What a program really
/// takes is for the simulation to say.
/// </summary>
internal static class PlannerModel
{
    /// <summary>
    /// Cycles to fill and drain a systolic array once for each output tile, beside the summed extent: twice the array's side. Inferred
    /// from the output-stationary form: operands enter skewed by a side, results leave over a side.
    /// </summary>
    public const int ArrayFillSides = 2;

    /// <summary>Cycles of an iteration beside its work: tokens, counters, pipeline fill. Inferred.</summary>
    public const long IterationCycles = 64;

    /// <summary>Rows and columns of the outputs that one PCU holds as a systolic array.</summary>
    public static int ArrayRows(RduResources chip) => Math.Max(1, chip.MacsPerCycle / chip.Lanes);

    /// <summary>Tiles of output that PCUs share.</summary>
    public static long OutputTiles(RduResources chip, GemmShape gemm) =>
        checked(gemm.Batch * CeilDiv(gemm.M, ArrayRows(chip)) * CeilDiv(gemm.N, chip.Lanes));

    /// <summary>Cycles that one PCU has a tile of output.</summary>
    public static long TileCycles(RduResources chip, GemmShape gemm) => CeilDiv((gemm.K + ArrayFillSides * ArrayRows(chip)) * 100, chip.SystolicPercent);

    /// <summary>
    /// Both forms of a product, as pieces that copies share and the cycles of one: blocks of outputs as an array, and single outputs as
    /// dot products in the lanes of one stage. These are faster where most of an array would stand idle, with few rows or columns.
    /// </summary>
    public static ((long Pieces, long Cycles) Array, (long Pieces, long Cycles) Dots) ProductWork(RduResources chip, GemmShape gemm) => (
        (OutputTiles(chip, gemm), TileCycles(chip, gemm)),
        (checked(gemm.Batch * gemm.M * gemm.N), CeilDiv(gemm.K, Math.Max(1, chip.MacsPerCycle / chip.PipelineStages))));

    /// <summary>Cycles from bytes of the memory outside, rounded up.</summary>
    public static long DramCycles(RduResources chip, long bytes) => (long)(((Int128)bytes * 256 + chip.DramBytesPerCycleTimes256 - 1) / chip.DramBytesPerCycleTimes256);

    public static long CeilDiv(long value, long by) => by <= 0 ? value : (value + by - 1) / by;
}
