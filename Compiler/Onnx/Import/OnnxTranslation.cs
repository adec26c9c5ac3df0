using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Onnx.Import;

/// <summary>Makes graph nodes of one ONNX node.</summary>
/// <param name="node">The node with its inputs and attributes.</param>
/// <returns>One value for each output that the node has, or more.</returns>
public delegate IReadOnlyList<OnnxValue> OnnxTranslate(OnnxNode node);

/// <summary>
/// One ONNX operator over a range of opsets. Every line of <see cref="OnnxCatalogue"/> is one of these; an operator's file
/// declares its own.
/// </summary>
/// <param name="OpType">ONNX's name of the operator.</param>
/// <param name="FirstOpset">The first opset whose meaning this is. The catalogue covers opsets from 6 on.</param>
/// <param name="Types">Element types of the first input; others are refused before the translation is asked.</param>
/// <param name="Translate">Makes the graph nodes.</param>
public sealed record OnnxTranslation(string OpType, int FirstOpset, ImmutableArray<ElementType> Types, OnnxTranslate Translate)
{
    /// <summary>The last opset whose meaning this is.</summary>
    public int LastOpset { get; init; } = int.MaxValue;

    /// <summary>Empty for ONNX's own operators.</summary>
    public string Domain { get; init; } = string.Empty;

    /// <summary>
    /// True if a node must not be computed at compile time by itself: it has graphs, draws random numbers, or its outputs are known
    /// without its inputs' elements.
    /// </summary>
    public bool IsStructural { get; init; }

    /// <summary>True if gradients pass through the graph nodes that it makes.</summary>
    public bool HasGradient { get; init; }

    public override string ToString() =>
        $"{(Domain.Length > 0 ? $"{Domain}." : string.Empty)}{OpType} {FirstOpset}{(LastOpset == int.MaxValue ? "+" : $"-{LastOpset}")}";
}

/// <summary>Sets of element types that translations take.</summary>
public static class OnnxTypes
{
    public static ImmutableArray<ElementType> All { get; } = ElementTypes.All;

    public static ImmutableArray<ElementType> Floats { get; } =
        [ElementType.Float32, ElementType.Float16, ElementType.BFloat16, ElementType.Float64];

    /// <summary>Floats that are one word of the arena.</summary>
    public static ImmutableArray<ElementType> ShortFloats { get; } = [ElementType.Float32, ElementType.Float16, ElementType.BFloat16];

    public static ImmutableArray<ElementType> Integers { get; } = [.. ElementTypes.All.Where(element => element.IsInteger() && !element.IsNarrow())];

    /// <summary>With those of 4 and 2 bits, which are not computed with.</summary>
    public static ImmutableArray<ElementType> StoredIntegers { get; } = [.. ElementTypes.All.Where(element => element.IsInteger())];

    public static ImmutableArray<ElementType> Numbers { get; } = [.. Floats, .. Integers];

    public static ImmutableArray<ElementType> Bool { get; } = [ElementType.Bool];

    public static ImmutableArray<ElementType> Indices { get; } = [ElementType.Int32, ElementType.Int64];
}
