using System.Globalization;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Emulator.Onnx;

/// <summary>A model's inputs from files, and drawn where there is none.</summary>
public static class OnnxInputs
{
    /// <param name="file">The model.</param>
    /// <param name="named">Lines <c>name=path</c>, or the path of an archive of all.</param>
    /// <exception cref="RduException">RDU0202: no such input. RDU0201, RDU01xx: a file that cannot be used.</exception>
    public static Dictionary<string, HostTensor> Read(OnnxFile file, IEnumerable<string> named)
    {
        var given = new Dictionary<string, HostTensor>();
        foreach (string line in named)
        {
            int at = line.IndexOf('=', StringComparison.Ordinal);
            if (at < 0 && line.EndsWith(".npz", StringComparison.OrdinalIgnoreCase))
            {
                foreach ((string name, HostTensor tensor) in NumpyFile.ReadArchive(line))
                {
                    given[Known(file, name)] = tensor;
                }

                continue;
            }

            string input = at > 0 ? line[..at] : file.Inputs.Count == 1 ? file.Inputs[0].Name : throw NoName(line);
            given[Known(file, input)] = TensorFile.Read(line[(at + 1)..]);
        }

        return given;
    }

    /// <summary>Shapes from lines <c>name=1,128</c>.</summary>
    /// <exception cref="RduException">RDU0201: no shape. RDU0202: no such input.</exception>
    public static Dictionary<string, int[]> Shapes(OnnxFile file, IEnumerable<string> lines)
    {
        var shapes = new Dictionary<string, int[]>();
        foreach (string line in lines)
        {
            int at = line.IndexOf('=', StringComparison.Ordinal);
            string[] extents = line[(at + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            int[] shape = [.. extents.Select(extent => int.TryParse(extent, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : -1)];
            if (at <= 0 || shape.Contains(-1))
            {
                throw new RduException(ErrorCatalogue.OptionInvalid, "--shape", "name=1,2,3", line, "correct the shape");
            }

            shapes[Known(file, line[..at])] = shape;
        }

        return shapes;
    }

    /// <summary>
    /// A tensor of a type: floats uniform in [0, 1), integers and bools 0 or 1, element i from the counter (input, i) of the seed.
    /// </summary>
    public static HostTensor Draw(TensorType type, int seed, int input)
    {
        var words = new int[type.CountWords];
        int each = type.Element.WordsPerElement();
        for (int i = 0; i < type.CountElements; i++)
        {
            (int c0, int c1, int c2, int c3) = (i, input, 0, 0);
            Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, seed, 0);
            uint bits = (uint)c0;
            if (type.Element == ElementType.Float64)
            {
                long value = BitConverter.DoubleToInt64Bits((bits >> 8) * (1.0 / (1 << 24)));
                (words[2 * i], words[2 * i + 1]) = ((int)value, (int)(value >> 32));
            }
            else if (type.Element.IsFloat())
            {
                // Eight bits are a value of every float type.
                words[each * i] = BitConverter.SingleToInt32Bits((type.Element == ElementType.Float32 ? bits >> 8 : bits >> 24 << 16) * (1f / (1 << 24)));
            }
            else
            {
                words[each * i] = (int)(bits & 1);
            }
        }

        return HostTensor.FromWords(type, words);
    }

    private static string Known(OnnxFile file, string name) => file.Inputs.Any(input => input.Name == name)
        ? name
        : throw new RduException(ErrorCatalogue.NameUnknown, "an input", string.Join(", ", file.Inputs.Select(input => input.Name)), name, "name an input of the model");

    private static RduException NoName(string line) =>
        new(ErrorCatalogue.OptionInvalid, "--input", "name=path", line, "say which input it is");
}
