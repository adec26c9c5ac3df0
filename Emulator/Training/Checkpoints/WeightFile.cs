using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Weights;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Training.Checkpoints;

/// <summary>Parameters of a session from a safetensors file: by the parameters' names, which for BERT are those of Hugging Face.</summary>
public static class WeightFile
{
    private const int PieceElements = 1 << 18;

    /// <summary>Takes all parameters from a file; what else it has is passed over.</summary>
    /// <exception cref="RduException">RDU0101, RDU0131: the file is missing or damaged. RDU0132: it lacks a parameter, or has it with another shape.</exception>
    /// <param name="session">Takes them.</param>
    /// <param name="path">The file.</param>
    /// <param name="begins">True if a training begins with them: layers of its task that the file lacks stay as they are.</param>
    public static void Load(ModelSession session, string path, bool begins = false)
    {
        using var file = new SafetensorsReader(path);
        ValueId[] parameters = [.. session.Parameters.Where(id => !begins || !session.Model.IsOfTask(session.Graph[id].Name) || Find(file, session.Graph[id].Name) is not null)];
        Require(session, parameters, file, path);
        Read(session, parameters, file);
        session.Load();
    }

    /// <summary>Every parameter is there with its shape.</summary>
    internal static void Require(ModelSession session, IEnumerable<ValueId> parameters, SafetensorsReader file, string path)
    {
        foreach (Value parameter in parameters.Select(id => session.Graph[id]))
        {
            if (Find(file, parameter.Name) is not { } tensor)
            {
                throw new RduException(
                    ErrorCatalogue.WeightsUnfit, path, $"a tensor {parameter.Name}", $"{file.Tensors.Count} tensors, none of this name", "take the file of this model and preset");
            }

            if (!tensor.Shape.SequenceEqual(parameter.Type.Shape))
            {
                throw new RduException(
                    ErrorCatalogue.WeightsUnfit, $"{path}, {parameter.Name}", $"{parameter.Type.Shape}", $"[{string.Join(", ", tensor.Shape)}]", "take the file of this model and preset");
            }
        }
    }

    /// <summary>The tensor of a name. The first files of BERT call the gain and shift of a layer norm gamma and beta.</summary>
    private static SafetensorsTensor? Find(SafetensorsReader file, string name)
    {
        string older = name.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal).Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal);
        return file.Tensors.GetValueOrDefault(name) ?? file.Tensors.GetValueOrDefault(older);
    }

    /// <summary>Reads them into the session, visiting the elements in order.</summary>
    internal static void Read(ModelSession session, IEnumerable<ValueId> parameters, SafetensorsReader file)
    {
        var piece = new float[PieceElements];
        foreach (ValueId id in parameters)
        {
            SafetensorsTensor tensor = Find(file, session.Graph[id].Name)!;
            for (long at = 0; at < tensor.CountElements; at += piece.Length)
            {
                Span<float> elements = piece.AsSpan(0, (int)Math.Min(piece.Length, tensor.CountElements - at));
                file.Read(tensor, at, elements);
                session.WriteParameter(id, at, elements);
            }
        }
    }
}
