using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Placement.Machine;

/// <summary>
/// A section: operators that are on the chip together as one meta-pipeline. It runs <see cref="Iterations"/> times over pieces of the
/// batch; every stage handles each piece once, and pieces follow each other through double buffers. Before the first iteration what
/// <see cref="DramTiming.BeforeFirst"/> names is loaded, after the last one what <see cref="DramTiming.AfterLast"/> names is stored.
/// </summary>
/// <param name="Index">Position in the program; sections run one after the other.</param>
/// <param name="Name">For people.</param>
/// <param name="Phase">Forward, backward or optimizer; a section is of one phase.</param>
/// <param name="Operators">Indices of its operators.</param>
/// <param name="Iterations">Pieces of the batch.</param>
/// <param name="Stages">In an order in which data flow.</param>
/// <param name="Streams">From stage to stage, on the chip.</param>
/// <param name="DramTransfers">To and from the memory outside.</param>
/// <param name="EstimatedCycles">The planner's own estimate: iterations and fill of the slowest of stages and memory, and what is loaded before.</param>
public sealed record MachineSection(
    int Index,
    string Name,
    Phase Phase,
    EquatableArray<int> Operators,
    int Iterations,
    EquatableArray<StagePlan> Stages,
    EquatableArray<StreamPlan> Streams,
    EquatableArray<DramTransfer> DramTransfers,
    long EstimatedCycles)
{
    public int Pcus => Stages.Sum(stage => stage.Pcus);

    public int Pmus => Stages.Sum(stage => stage.WeightPmus + stage.AccumulatorPmus) + Streams.Sum(stream => stream.Pmus) + DramTransfers.Sum(stream => stream.BufferPmus);
}

/// <summary>One stage of a section's meta-pipeline. Counts are for one iteration, rounded up.</summary>
/// <param name="Index">Position in the section.</param>
/// <param name="Name">For people: the template and its operators.</param>
/// <param name="Operators">Indices of the machine operators that were fused into it; the first gives the template.</param>
/// <param name="Gemm">Products of one iteration of a systolic stage, else null.</param>
/// <param name="Elements">Elements through SIMD lanes in one iteration; for a systolic stage those of its epilogue, after the last k.</param>
/// <param name="ProgramStages">PCU stages of the SIMD program of one element.</param>
/// <param name="Operations">Floating-point operations of one iteration.</param>
/// <param name="ParallelCopies">The parallelisation factor: units, or chains of units, that share an iteration's work.</param>
/// <param name="PcusInSeries">PCUs of one copy: longer programs than one PCU takes go through several.</param>
/// <param name="WeightBytes">Kept on the chip for the whole section.</param>
/// <param name="WeightPmus">PMUs that hold <see cref="WeightBytes"/>.</param>
/// <param name="AccumulatorBytes">
/// Sums over the samples, in binary32, kept on the chip until the last iteration; of a layout stage the piece that it reorders.
/// </param>
/// <param name="AccumulatorPmus">PMUs that hold <see cref="AccumulatorBytes"/>.</param>
/// <param name="Depth">Steps of the pipeline before it: its iteration i runs in the time of the first stage's iteration i + Depth.</param>
/// <param name="EstimatedCycles">The planner's own estimate of one iteration, used to balance.</param>
/// <param name="Sockets">RDUs of a collective, else 1.</param>
/// <param name="CollectiveBytes">Bytes that a collective combines in one iteration.</param>
public sealed record StagePlan(
    int Index,
    string Name,
    TemplateKind Template,
    EquatableArray<int> Operators,
    GemmShape? Gemm,
    long Elements,
    int ProgramStages,
    long Operations,
    int ParallelCopies,
    int PcusInSeries,
    long WeightBytes,
    int WeightPmus,
    long AccumulatorBytes,
    int AccumulatorPmus,
    int Depth,
    long EstimatedCycles,
    int Sockets = 1,
    long CollectiveBytes = 0)
{
    public int Pcus => ParallelCopies * PcusInSeries;

    /// <summary>Which part of its operator it is, where one does not fit at once: parts divide the columns of the output.</summary>
    public int Part { get; init; }

    /// <summary>Parts of its operator; 1 if it is whole.</summary>
    public int Parts { get; init; } = 1;
}

/// <summary>
/// Data from a stage to another, through a buffer in PMUs. Iteration i of the consumer needs the producer's iterations up to
/// i + <see cref="LagIterations"/> - 1; iteration i of the producer needs room, which iteration i - <see cref="DepthIterations"/> of the
/// consumer has left.
/// </summary>
/// <param name="Index">Position in the section.</param>
/// <param name="Tensor">What flows.</param>
/// <param name="Producer">Stage that writes.</param>
/// <param name="Consumer">Stage that reads.</param>
/// <param name="BytesPerIteration">Written and read once in an iteration.</param>
/// <param name="LagIterations">1 where rows stream; the iterations of a sample where the consumer needs all its rows.</param>
/// <param name="DepthIterations">Iterations that the buffer holds; its credits. At least two: a double buffer.</param>
/// <param name="IsSkip">True if it passes by other stages and its buffer is deeper for it.</param>
/// <param name="Pmus">PMUs of the buffer.</param>
public sealed record StreamPlan(
    int Index, int Tensor, int Producer, int Consumer, long BytesPerIteration, int LagIterations, int DepthIterations, bool IsSkip, int Pmus)
{
    public long BufferBytes => BytesPerIteration * DepthIterations;
}

public enum DramDirection
{
    Load,
    Store,
}

/// <summary>When a DRAM transfer moves its bytes.</summary>
public enum DramTiming
{
    /// <summary>In every iteration.</summary>
    PerIteration,

    /// <summary>Once, before the first iteration: weights that are kept on the chip.</summary>
    BeforeFirst,

    /// <summary>Once, after the last iteration: sums over the samples.</summary>
    AfterLast,
}

/// <summary>Data between the memory outside and stages.</summary>
/// <param name="Index">Position in the section.</param>
/// <param name="Tensor">What moves.</param>
/// <param name="Stages">The stages that read it, from one buffer; of a store the one stage that wrote it.</param>
/// <param name="Bytes">Of one iteration where <paramref name="Timing"/> is per iteration, else of the section.</param>
/// <param name="RequestBytes">Bytes that lie together: a row of a table for indexed accesses, else all.</param>
/// <param name="LagIterations">As for a stream between stages; 1 for stores.</param>
/// <param name="DepthIterations">Iterations that the buffer on the chip holds.</param>
/// <param name="BufferPmus">PMUs of that buffer; 0 where it goes to the stage's own weights or sums.</param>
public sealed record DramTransfer(
    int Index,
    int Tensor,
    EquatableArray<int> Stages,
    DramDirection Direction,
    DramTiming Timing,
    bool IsWeight,
    long Bytes,
    long RequestBytes,
    int LagIterations,
    int DepthIterations,
    int BufferPmus);
