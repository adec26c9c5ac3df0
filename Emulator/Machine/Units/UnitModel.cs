using RduEmu.Compiler.Placement.Machine;
using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Machine.Time;

namespace RduEmu.Emulator.Machine.Units;

/// <summary>
/// How long the units of a stage work on one iteration. A PCU is header, body and tail: its body is an output-stationary systolic array
/// or a SIMD pipeline (Hot Chips 2024, SN40L); its tail has the special functions. The initiation interval of both is one cycle.
/// </summary>
public sealed class UnitModel(RduSpec spec)
{
    /// <summary>Sides of the array that operands and results pass, skewed, for each block of outputs: in and out.</summary>
    private const int SkewSides = 2;

    /// <summary>Rows of outputs that one PCU holds as an array; its columns are the lanes.</summary>
    public long ArrayRows => Math.Max(1, spec.Pcu.Stages * spec.Pcu.MultipliesPerLaneStage);

    /// <summary>
    /// Cycles in which the PCUs of a stage cannot take the next iteration.
    /// </summary>
    public Cycles Service(StagePlan stage) => stage.Template switch
    {
        TemplateKind.Systolic when stage.Gemm is { } gemm => Cycles.Min(Systolic(gemm, stage.ParallelCopies), Dots(gemm, stage.ParallelCopies)),
        TemplateKind.Layout => Reorder(stage),
        TemplateKind.Collective => new Cycles(1),
        _ => Simd(stage.Elements, stage.ProgramStages, stage.ParallelCopies, stage.PcusInSeries),
    };

    /// <summary>
    /// Blocks of rows x lanes outputs, K cycles and the skew each, dealt to the copies; a copy more than blocks is idle. An array
    /// advances in the share of cycles that <see cref="CalibrationSpec"/> gives.
    /// </summary>
    public Cycles Systolic(GemmShape gemm, long copies)
    {
        long blocks = checked(gemm.Batch * CeilDiv(gemm.M, ArrayRows) * CeilDiv(gemm.N, spec.Pcu.Lanes));
        long cycles = checked(CeilDiv(blocks, Math.Max(1, copies)) * (gemm.K + (SkewSides * ArrayRows)));
        return Sustained(cycles, spec.Calibration.SystolicPercent);
    }

    /// <summary>
    /// The same products as dot products: packed pairs in the lanes, then the tree over them. With few rows, as in the generation of
    /// tokens, an array of so many rows stands idle for the most part and this is faster; weights stream through at a vector a cycle.
    /// </summary>
    public Cycles Dots(GemmShape gemm, long copies)
    {
        long perCycle = spec.Pcu.Lanes * spec.Pcu.MultipliesPerLaneStage * Math.Max(1, copies);
        return Sustained(checked(CeilDiv(gemm.MultiplyAdds, perCycle) + ReductionTree), spec.Calibration.SimdPercent);
    }

    /// <summary>
    /// A vector of lanes each cycle and copy. A program longer than the PCUs in series have stages passes them several times.
    /// </summary>
    public Cycles Simd(long elements, long programStages, long copies, long pcusInSeries)
    {
        long passes = Math.Max(1, CeilDiv(programStages, spec.Pcu.Stages * Math.Max(1, pcusInSeries)));
        return Sustained(checked(CeilDiv(elements, spec.Pcu.Lanes * Math.Max(1, copies)) * passes), spec.Calibration.SimdPercent);
    }

    /// <summary>From the first operand to the first result: stages, tail, for reductions the tree, for arrays the skew.</summary>
    public Cycles Latency(StagePlan stage)
    {
        long series = Math.Max(1, stage.PcusInSeries);
        long body = spec.Pcu.Stages * spec.Pcu.StageCycles * series;
        return new Cycles(stage.Template switch
        {
            TemplateKind.Systolic => (SkewSides * ArrayRows) + spec.Pcu.TailCycles,
            TemplateKind.Reduce => body + spec.Pcu.TailCycles + ReductionTree,
            TemplateKind.Layout or TemplateKind.Collective => 1,
            _ => body + spec.Pcu.TailCycles,
        });
    }

    /// <summary>The tree over the lanes: one level for each doubling.</summary>
    public long ReductionTree
    {
        get
        {
            long levels = 0;
            for (long lanes = 1; lanes < spec.Pcu.Lanes; lanes *= 2)
            {
                levels++;
            }

            return levels * spec.Pcu.ReductionCycles;
        }
    }

    private Cycles Reorder(StagePlan stage)
    {
        long pmus = Math.Max(1, stage.AccumulatorPmus + stage.WeightPmus);
        return Cycles.Max(new Cycles(1), BytesPerCycle.Width(spec.Pmu.ReadBytesPerCycle).Times(pmus).CyclesFor(new Bytes(stage.AccumulatorBytes)));
    }

    private static Cycles Sustained(long cycles, long percent) => new(Math.Max(1, CeilDiv(checked(cycles * 100), percent)));

    internal static long CeilDiv(long value, long by) => (value + by - 1) / by;
}
