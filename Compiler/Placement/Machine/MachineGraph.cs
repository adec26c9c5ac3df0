using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Placement.Machine;

/// <summary>The part of a training step that an operator belongs to; all of an inference is forward.</summary>
public enum Phase
{
    Forward,
    Backward,
    Optimizer,
}

/// <summary>How units are configured for an operator.</summary>
public enum TemplateKind
{
    /// <summary>Matrix products: PCUs as output-stationary systolic arrays.</summary>
    Systolic,

    /// <summary>Elementwise programs: PCUs as SIMD pipelines, one result a lane and cycle.</summary>
    Simd,

    /// <summary>Sums, maxima, norms along a row: SIMD pipelines that end in the cross-lane tree.</summary>
    Reduce,

    /// <summary>Rows fetched from, or added to, a table outside by index.</summary>
    Gather,

    /// <summary>Data moved and reordered by PMUs alone: transpose, slice, concatenation, padding.</summary>
    Layout,

    /// <summary>Sums or copies over several RDUs.</summary>
    Collective,
}

/// <summary>How much of an input an operator needs before it can begin on a piece of its output.</summary>
public enum OperandAccess
{
    /// <summary>The rows of the piece alone: what streams.</summary>
    Rows,

    /// <summary>All rows of the piece's sample (keys and values of attention, a halo that is not tiled).</summary>
    Sample,

    /// <summary>All of it, the same for every piece: weights and whatever has no samples.</summary>
    Whole,

    /// <summary>Only the rows that indices name; it stays outside.</summary>
    Indexed,
}

/// <summary>A batch of matrix products C[M, N] += A[M, K] · B[K, N].</summary>
/// <param name="Batch">Independent products.</param>
public readonly record struct GemmShape(long Batch, long M, long N, long K)
{
    public long MultiplyAdds => checked(Batch * M * N * K);
}

/// <summary>A tensor as the machine sees it: bytes, in the machine's storage format.</summary>
/// <param name="Id">Position in <see cref="MachineGraph.Tensors"/>; the same index as the graph's <see cref="ValueId"/>.</param>
/// <param name="Bytes">All of it.</param>
/// <param name="HasSamples">True if it is cut by the samples of the batch.</param>
public sealed record MachineTensor(int Id, string Name, ValueRole Role, long Bytes, bool HasSamples);

/// <summary>One operator of the graph as work for units. All counts are for the whole batch.</summary>
/// <param name="Index">Position in <see cref="MachineGraph.Operators"/>, which is an order in which they can run.</param>
/// <param name="Name">The node's name.</param>
/// <param name="Operator">The operator's name.</param>
/// <param name="Nodes">The graph nodes that it stands for; two where a table's gradient and its step are one.</param>
/// <param name="Inputs">Tensors that it reads, with how.</param>
/// <param name="Outputs">Tensors that it writes.</param>
/// <param name="Work">What units have to do.</param>
public sealed record MachineOperator(
    int Index,
    string Name,
    string Operator,
    EquatableArray<NodeId> Nodes,
    Phase Phase,
    EquatableArray<MachineInput> Inputs,
    EquatableArray<int> Outputs,
    MachineWork Work);

/// <summary>An input of an operator.</summary>
/// <param name="Tensor">Which tensor.</param>
/// <param name="Bytes">
/// What is read of it in all: the tensor's bytes, except <see cref="OperandAccess.Indexed"/>, where it is the named rows alone.
/// </param>
/// <param name="RequestBytes">Bytes that lie together: a row of a table for indexed accesses, else all.</param>
public readonly record struct MachineInput(int Tensor, OperandAccess Access, long Bytes, long RequestBytes);

/// <summary>What units have to do for one operator, over the whole batch.</summary>
/// <param name="Template">How units are configured.</param>
/// <param name="Operations">Floating-point operations; a fused multiply-add counts two.</param>
/// <param name="Gemm">The products of a systolic operator, else null.</param>
/// <param name="Elements">Elements that pass through SIMD lanes: for reductions the inputs, else the outputs.</param>
/// <param name="ProgramStages">PCU stages of the program for one element; more than a PCU has take several PCUs in series.</param>
/// <param name="AccumulatesSamples">True if it sums over all samples: its output is complete after the last iteration only.</param>
/// <param name="OutputBytes">All outputs; of an indexed update the rows that it writes.</param>
public sealed record MachineWork(
    TemplateKind Template,
    long Operations,
    GemmShape? Gemm,
    long Elements,
    int ProgramStages,
    bool AccumulatesSamples,
    long OutputBytes)
{
    /// <summary>RDUs that take part in a collective, else 1.</summary>
    public int Sockets { get; init; } = 1;

    /// <summary>
    /// True if it sums over the rows of a sample (the gradient of keys over all queries): a sample's output is complete only after its
    /// last row.
    /// </summary>
    public bool AccumulatesRows { get; init; }

    /// <summary>Bytes of one row where the outputs are rows of a table outside, written by index; else 0.</summary>
    public long IndexedRowBytes { get; init; }
}

/// <summary>A graph as work for a machine, independent of which machine and of how it is executed.</summary>
/// <param name="Samples">Extent of the batch axis: the coarsest way to cut the work into iterations.</param>
/// <param name="RowsPerSample">Rows of the widest token tensor in a sample (1 for a plain batch): the finest way to cut.</param>
/// <param name="Outputs">Tensors that must be outside at the end: what the program returns, and the new values of parameters.</param>
public sealed record MachineGraph(
    int Samples,
    int RowsPerSample,
    EquatableArray<MachineTensor> Tensors,
    EquatableArray<MachineOperator> Operators,
    EquatableArray<int> Outputs);
