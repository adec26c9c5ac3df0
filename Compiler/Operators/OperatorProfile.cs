using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Programs;

namespace RduEmu.Compiler.Operators;

/// <summary>What one application of an operator asks of a machine's units, for the whole batch; it says nothing about how it is executed here.</summary>
/// <param name="Template">How units are configured.</param>
/// <param name="Elements">Elements that pass through SIMD lanes: of reductions the inputs, else the outputs.</param>
public sealed record OperatorProfile(TemplateKind Template, long Elements)
{
    /// <summary>The matrix products of a systolic template.</summary>
    public GemmShape? Gemm { get; init; }

    /// <summary>PCU stages that one element passes through.</summary>
    public int ProgramStages { get; init; } = 1;

    /// <summary>How each input is read; where it is shorter than the inputs, the rest by their types.</summary>
    public IReadOnlyList<OperandAccess> Accesses { get; init; } = [];

    /// <summary>Elements of a table that an indexed access reads or writes.</summary>
    public long IndexedElements { get; init; }

    /// <summary>True if it writes rows of a table that lies outside, not a whole tensor.</summary>
    public bool WritesIndexed { get; init; }

    /// <summary>True if it sums over the rows of a sample: a sample's output is complete only after its last row.</summary>
    public bool AccumulatesRows { get; init; }

    /// <summary>RDUs that take part in a collective.</summary>
    public int Sockets { get; init; } = 1;

    /// <summary>Floating-point operations: an FMA counts two, everything else one.</summary>
    public long Operations => Gemm is { } gemm ? checked(2 * gemm.Batch * gemm.M * gemm.N * gemm.K) : checked(Elements * ProgramStages);

    /// <summary>Products C[M, N] of <paramref name="gemm"/>, each of its output elements once through the tail.</summary>
    public static OperatorProfile Systolic(GemmShape gemm) => new(TemplateKind.Systolic, checked(gemm.Batch * gemm.M * gemm.N)) { Gemm = gemm };

    /// <summary>Data moved by PMUs, as many elements as the output has.</summary>
    public static OperatorProfile Layout(TensorType output) => new(TemplateKind.Layout, output.CountElements) { ProgramStages = 0 };

    /// <summary>
    /// A program of so many stages over all elements: of the inputs where it ends in a reduction along rows, else of the output.
    /// </summary>
    public static OperatorProfile Program(TemplateKind template, long elements, int stages) => new(template, elements) { ProgramStages = stages };

    /// <summary>What follows from the types alone: a program of one stage, a reduction where the output is smaller than the first input.</summary>
    public static OperatorProfile Of(OperatorInputs inputs, TensorType output)
    {
        // Parameters beside samples are no rows that pass by.
        bool hasSamples = inputs.Types.Any(type => type.HasSamples);
        long most = output.CountElements;
        foreach (TensorType type in inputs.Types)
        {
            most = type.HasSamples == hasSamples ? Math.Max(most, type.CountElements) : most;
        }

        return Program(most > output.CountElements ? TemplateKind.Reduce : TemplateKind.Simd, most, 1);
    }

    /// <summary>A fused elementwise program; rows stream, columns and scalars are kept.</summary>
    public static OperatorProfile Of(ElementwiseOperator op, OperatorInputs inputs, TensorType output)
    {
        var leaves = new ProgramTree[inputs.Types.Count];
        var accesses = new OperandAccess[leaves.Length];
        for (int i = 0; i < leaves.Length; i++)
        {
            leaves[i] = new ProgramTree.Input(i, op.Access(i));
            accesses[i] = op.Access(i) is SlotAccess.PerColumn or SlotAccess.Uniform ? OperandAccess.Whole : OperandAccess.Rows;
        }

        return Program(TemplateKind.Simd, output.CountElements, Math.Max(1, op.Program(leaves).DepthStages)) with
        {
            Accesses = accesses,
        };
    }
}
