using System.Globalization;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Emulator.Conformance;

/// <summary>
/// How close an output must be to a recorded one: as ONNX's own runner has it (onnx/backend/test/runner), |a - b| at most
/// 1e-7 + 1e-3 · |b| for floats of every width, equal for integers and bools. A NaN equals a NaN, an infinity itself.
/// </summary>
public static class Tolerance
{
    public const double Relative = 1e-3;

    public const double Absolute = 1e-7;

    /// <returns>The first element that differs, in words; null if there is none.</returns>
    public static string? FirstDifference(HostTensor actual, HostTensor expected)
    {
        if (actual.Type != expected.Type)
        {
            return $"{actual.Type}, expected {expected.Type}";
        }

        if (!expected.Element.IsFloat())
        {
            for (int i = 0; i < expected.Bytes.Length; i++)
            {
                if (actual.Bytes[i] != expected.Bytes[i])
                {
                    int at = i / expected.Element.SizeBytes();
                    return $"element {at} is {actual.ToIntegers()[at]}, expected {expected.ToIntegers()[at]}";
                }
            }

            return null;
        }

        double[] a = actual.ToDoubles();
        double[] b = expected.ToDoubles();
        for (int i = 0; i < b.Length; i++)
        {
            bool near = double.IsFinite(b[i]) ? Math.Abs(a[i] - b[i]) <= Absolute + Relative * Math.Abs(b[i]) : a[i].Equals(b[i]);
            if (!near)
            {
                return string.Create(CultureInfo.InvariantCulture, $"element {i} is {a[i]:G9}, expected {b[i]:G9}");
            }
        }

        return null;
    }
}
