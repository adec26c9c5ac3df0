using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Onnx;

/// <summary>The names of a model's outputs, given to its graph.</summary>
public static class OnnxNames
{
    /// <summary>The model's graph, its outputs named and ordered as the model's, each by itself: an output may be another one, or an input.</summary>
    public static Graph Of(OnnxModel model)
    {
        Value[] values = [.. model.Graph.Values];
        var taken = new HashSet<string>(values.Select(value => value.Name));
        foreach (OnnxPort output in model.Outputs)
        {
            if (output.Value is { } id && values[id.Index].Role == ValueRole.Computed && taken.Add(output.Name))
            {
                values[id.Index] = values[id.Index] with { Name = output.Name };
            }
        }

        return model.Graph with { Values = EquatableArray.Create<Value>(values) };
    }
}
