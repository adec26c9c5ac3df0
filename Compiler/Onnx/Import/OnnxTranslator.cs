using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx.Import;

/// <summary>One ONNX node to graph nodes, or to tensors if all that it reads is known and small.</summary>
internal static class OnnxTranslator
{
    /// <summary>
    /// Words of all values of a node that is computed at compile time. Shape arithmetic and small tables are far below; what is
    /// larger is computed by the program, with the same bits.
    /// </summary>
    private const long MaximumFoldedWords = 1 << 18;

    public static IReadOnlyList<OnnxValue> Translate(
        NodeProto proto, OnnxScope scope, OnnxSession session, IReadOnlyDictionary<string, long> opsets, IReadOnlyList<OnnxValue?> inputs, string where)
    {
        string domain = OnnxScope.DomainOf(proto.Domain);
        if (!opsets.TryGetValue(domain, out long opset))
        {
            throw new RduException(
                ErrorCatalogue.ModelMalformed, where, "an operator set for its domain", string.Join(", ", opsets.Keys.Select(key => key.Length > 0 ? key : "ai.onnx")),
                "export the model again");
        }

        OnnxTranslation translation = OnnxCatalogue.Find(domain, proto.OpType, opset, where);
        if (inputs.Count > 0 && inputs[0] is { } first && !translation.Types.Contains(session.TypeOf(first).Element))
        {
            throw new RduException(
                ErrorCatalogue.TypeNotSupported, where, string.Join(", ", translation.Types.Select(type => type.ShortName())),
                session.TypeOf(first).Element.ShortName(), "cast the input");
        }

        if (!translation.IsStructural && inputs.All(input => input is null || input.Known is { } known && known.Type.CountWords <= MaximumFoldedWords)
            && Fold(proto, scope, translation, opset, inputs) is { } folded)
        {
            return folded;
        }

        return Run(proto, scope, session, translation, opset, inputs);
    }

    private static IReadOnlyList<OnnxValue> Run(
        NodeProto proto, OnnxScope scope, OnnxSession session, OnnxTranslation translation, long opset, IReadOnlyList<OnnxValue?> inputs)
    {
        var node = new OnnxNode(proto, scope, session, opset, inputs);
        IReadOnlyList<OnnxValue> outputs = translation.Translate(node);
        node.RequireAllRead();
        return outputs;
    }

    /// <summary>The outputs as tensors, computed by the interpreter in a graph of their own; null if that is too much work.</summary>
    private static OnnxValue[]? Fold(
        NodeProto proto, OnnxScope scope, OnnxTranslation translation, long opset, IReadOnlyList<OnnxValue?> inputs)
    {
        var session = new OnnxSession();
        IReadOnlyList<OnnxValue> outputs = Run(proto, scope, session, translation, opset, inputs);
        long words = 0;
        foreach (Node node in session.Builder.Nodes)
        {
            words += session.Builder[node.Output].CountWords;
        }

        if (words > MaximumFoldedWords)
        {
            return null;
        }

        ValueId[] computed =
            [.. outputs.Take(proto.Outputs.Count).Where(output => output.Id is { } id && !session.Parameters.ContainsKey(id)).Select(output => output.Id!.Value).Distinct()];
        HostTensor[] tensors = computed.Length > 0
            ? GraphInterpreter.Run(session.Builder, session.Builder.Nodes, computed, session.Parameters)
            : [];
        return
        [
            .. outputs.Select(output => output.Id is not { } id ? output
                : session.Parameters.TryGetValue(id, out HostTensor? parameter) ? parameter
                : Array.IndexOf(computed, id) is >= 0 and var index ? tensors[index] : output),
        ];
    }
}
