using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Onnx;

/// <summary>Tensors in files, of the kind that the name's ending says: .npy, .npz or .pb (ONNX's TensorProto).</summary>
public static class TensorFile
{
    private const string Endings = "a file that ends in .npy, .npz or .pb";

    /// <summary>Reads one tensor.</summary>
    /// <exception cref="RduException">RDU0201: of no known kind. RDU01xx: unreadable or broken.</exception>
    public static HostTensor Read(string path) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".NPY" => NumpyFile.Read(path),
        ".PB" => OnnxFile.ReadTensor(path),
        _ => throw new RduException(ErrorCatalogue.OptionInvalid, path, "a file that ends in .npy or .pb", Path.GetFileName(path), "convert the tensor"),
    };

    /// <summary>Writes outputs: an archive for .npz, else one file for each, whose name is put before the ending if there are several.</summary>
    /// <exception cref="RduException">RDU0201: of no known kind. RDU0501: it cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<(string Name, HostTensor Tensor)> tensors)
    {
        switch (Path.GetExtension(path).ToUpperInvariant())
        {
            case ".NPZ":
                AtomicFile.Write(path, NumpyFile.ToArchive(tensors));
                break;
            case ".NPY" or ".PB":
                foreach ((string name, HostTensor tensor) in tensors)
                {
                    bool isNumpy = path.EndsWith("y", StringComparison.OrdinalIgnoreCase);
                    string own = tensors.Count == 1 ? path : Path.ChangeExtension(path, null) + $".{Safe(name)}{Path.GetExtension(path)}";
                    AtomicFile.Write(own, isNumpy ? NumpyFile.ToBytes(tensor) : OnnxFile.ToBytes(tensor, name));
                }

                break;
            default:
                throw new RduException(ErrorCatalogue.OptionInvalid, path, Endings, Path.GetFileName(path), "choose one of these");
        }
    }

    /// <summary>A value's name as a part of a file's name.</summary>
    private static string Safe(string name) => string.Concat(name.Select(letter => char.IsLetterOrDigit(letter) || letter is '-' or '_' or '.' ? letter : '_'));
}
