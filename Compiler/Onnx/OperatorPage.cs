using System.Collections.Immutable;
using System.Text;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;

namespace RduEmu.Compiler.Onnx;

/// <summary>docs/operators.md, written from the catalogue.</summary>
public static class OperatorPage
{
    private static readonly (string Name, ImmutableArray<ElementType> Types)[] Sets =
    [
        ("all", OnnxTypes.All),
        ("numbers", OnnxTypes.Numbers),
        ("floats", OnnxTypes.Floats),
        ("f32, f16, bf16", OnnxTypes.ShortFloats),
        ("integers", OnnxTypes.Integers),
    ];

    /// <summary>The page, with line feeds.</summary>
    public static string Write()
    {
        var page = new StringBuilder();
        page.Append("""
            # ONNX operators

            Written from the catalogue (`OnnxCatalogue`); a test keeps the two the same, `rduemu operators` prints it.

            Types are those of the first input: *all* are f32, f16, bf16, f64, integers of 8 to 64 bits with and without sign, of 4 and 2 bits (i4, u4, i2, u2), and bool; *numbers* are
            all but bool, *floats* f32, f16, bf16 and f64. A gradient passes through the graph nodes that an operator becomes where *gradient* says so.
            What a node asks beyond this (a mode, a shape that depends on what is computed) is refused in one line that names the node.

            """.ReplaceLineEndings("\n"));
        page.Append($"\n{OnnxCatalogue.All.Select(translation => (translation.Domain, translation.OpType)).Distinct().Count()} operators.\n");
        page.Append("\n| operator | opsets | types | gradient |\n| --- | --- | --- | --- |\n");
        foreach (OnnxTranslation translation in OnnxCatalogue.All
            .OrderBy(translation => translation.Domain, StringComparer.Ordinal).ThenBy(translation => translation.OpType, StringComparer.Ordinal).ThenBy(translation => translation.FirstOpset))
        {
            string domain = translation.Domain.Length > 0 ? $"{translation.Domain}." : string.Empty;
            string opsets = translation.LastOpset == int.MaxValue ? $"{translation.FirstOpset} and later" : $"{translation.FirstOpset} to {translation.LastOpset}";
            page.Append($"| {domain}{translation.OpType} | {opsets} | {NameOf(translation.Types)} | {(translation.HasGradient ? "yes" : "no")} |\n");
        }

        return page.ToString();
    }

    private static string NameOf(ImmutableArray<ElementType> types)
    {
        foreach ((string name, ImmutableArray<ElementType> set) in Sets)
        {
            if (set.Order().SequenceEqual(types.Order()))
            {
                return name;
            }

            if (types.Length > set.Length && set.All(types.Contains) && name != "f32, f16, bf16")
            {
                return $"{name}, {string.Join(", ", types.Except(set).Order().Select(type => type.ShortName()))}";
            }
        }

        return string.Join(", ", types.Order().Select(type => type.ShortName()));
    }
}
