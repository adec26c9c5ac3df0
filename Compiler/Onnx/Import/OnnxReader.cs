using ProtoBuf;
using ProtoBuf.Meta;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Onnx.Import;

/// <summary>Bytes to messages. What comes out has the form of the schema, and nothing more is promised of it.</summary>
internal static class OnnxReader
{
    /// <summary>Messages within messages: a graph in a node's attribute is three levels; a hundred of them are a mistake.</summary>
    private const int MaximumDepth = 256;

    private static readonly RuntimeTypeModel Messages = CreateModel();

    /// <exception cref="RduException">RDU0101: the file cannot be read. RDU0121: it is no model.</exception>
    public static ModelProto ReadModel(string path)
    {
        ModelProto model = Read<ModelProto>(path);
        if (model.IrVersion == 0 && model.OpsetImports.Count == 0 && model.Graph.Nodes.Count == 0)
        {
            throw Malformed(path, "a message with an IR version, operator sets and a graph", "none of them");
        }

        return model;
    }

    /// <summary>Reads a message of any kind: a model, or a tensor by itself.</summary>
    /// <exception cref="RduException">RDU0101: the file cannot be read. RDU0121: it is no such message.</exception>
    public static T Read<T>(string path)
        where T : class
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            return stream.Length > 0 ? Read<T>(stream, path) : throw Malformed(path, "a protobuf message", "an empty file");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a readable file", error.Message, "correct the path");
        }
    }

    /// <param name="stream">From its position to its end.</param>
    /// <param name="name">For the error message.</param>
    /// <exception cref="RduException">RDU0121: these bytes are no such message.</exception>
    public static T Read<T>(Stream stream, string name)
        where T : class
    {
        try
        {
            return (T)Messages.Deserialize(stream, null, typeof(T));
        }
        catch (Exception error) when (error is ProtoException or EndOfStreamException or OverflowException or InvalidOperationException
            or ArgumentException or OutOfMemoryException or FormatException)
        {
            throw Malformed(name, "a protobuf message of ONNX", error.Message);
        }
    }

    private static RuntimeTypeModel CreateModel()
    {
        var model = RuntimeTypeModel.Create("onnx");
        model.MaxDepth = MaximumDepth;
        return model;
    }

    private static RduException Malformed(string where, string expected, string got) =>
        new(ErrorCatalogue.ModelMalformed, where, expected, got, "export the model again, or name another file");
}
