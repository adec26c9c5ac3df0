using System.Collections.Immutable;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx;

/// <summary>
/// Every ONNX operator that models may have: one explicit list. Each line's declarations stand in the file of the operator that
/// they translate to, or of the decomposition.
/// </summary>
public static class OnnxCatalogue
{
    public static ImmutableArray<OnnxTranslation> All { get; } =
    [
        .. Operators.Activations.Onnx,
        .. Operators.Arithmetic.Onnx,
        .. Operators.Cast.Onnx,
        .. Operators.Comparisons.Onnx,
        .. Operators.GatherOperator.Onnx,
        .. Operators.Logic.Onnx,
        .. Operators.MatMul.Onnx,
        .. Operators.Reduce.Onnx,
        .. Operators.Relu.Onnx,
        .. Operators.Scan.Onnx,
        .. Operators.ScatterOperator.Onnx,
        .. Operators.SelectPositions.Onnx,
        .. Operators.Sigmoid.Onnx,
        .. Operators.Unary.Onnx,
        .. Operators.Layout.Expand.Onnx,
        .. Operators.Layout.Join.Onnx,
        .. Operators.Layout.Pad.Onnx,
        .. Operators.Layout.Reshape.Onnx,
        .. Operators.Layout.Slice.Onnx,
        .. Operators.Layout.Transpose.Onnx,
        .. Decompositions.Activations.Onnx,
        .. Decompositions.Attentions.Onnx,
        .. Decompositions.Constants.Onnx,
        .. Decompositions.Convolutions.Onnx,
        .. Decompositions.Pools.Onnx,
        .. Decompositions.ControlFlow.Onnx,
        .. Decompositions.EarlyOpsets.Onnx,
        .. Decompositions.Fourier.Onnx,
        .. Decompositions.LossTranslations.Onnx,
        .. Decompositions.Normalizations.Onnx,
        .. Decompositions.Products.Onnx,
        .. Decompositions.Quantization.Onnx,
        .. Decompositions.ImageSampling.Onnx,
        .. Decompositions.Recurrent.Onnx,
        .. Decompositions.Resampling.Onnx,
        .. Decompositions.Sampling.Onnx,
        .. Decompositions.Softmaxes.Onnx,
        .. Decompositions.StaticSelections.Onnx,
        .. Decompositions.TrainingOptimizers.Onnx,
    ];

    private static readonly ILookup<(string Domain, string OpType), OnnxTranslation> ByName = All.ToLookup(translation => (translation.Domain, translation.OpType));

    /// <exception cref="RduException">RDU0421: there is no such operator in this opset.</exception>
    public static OnnxTranslation Find(string domain, string opType, long opset, string where)
    {
        OnnxTranslation[] known = [.. ByName[(domain, opType)]];
        return known.FirstOrDefault(translation => translation.FirstOpset <= opset && opset <= translation.LastOpset)
            ?? throw new RduException(
                ErrorCatalogue.OperatorUnknown, where,
                known.Length > 0 ? $"an opset of {string.Join(", ", known.Select(translation => translation.ToString()))}" : "an operator of docs/operators.md",
                opType, "express it by other operators, or export the model with another opset");
    }
}
