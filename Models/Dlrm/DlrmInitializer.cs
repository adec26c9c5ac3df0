using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Models.Dlrm;

/// <summary>
/// First values of the parameters, as the reference implementation draws them: weights N(0, sqrt(2 / (m + n))), biases
/// N(0, sqrt(1 / m)), tables uniform in ±sqrt(1 / rows); from Philox, keyed by (seed, parameter), counted by element.
/// </summary>
public static class DlrmInitializer
{
    /// <param name="index">Position of the parameter among the model's.</param>
    /// <param name="firstElement">Where in the parameter the piece begins: large tables are filled piece by piece.</param>
    public static void Fill(TensorType type, bool isTable, int seed, int index, long firstElement, Span<float> elements)
    {
        int rows = type.Shape[0];
        float scale = isTable ? ScalarLane.Sqrt(1f / rows)
            : type.Rank == 1 ? ScalarLane.Sqrt(1f / rows)
            : ScalarLane.Sqrt(2f / (rows + type.Shape[1]));
        for (int i = 0; i < elements.Length; i++)
        {
            long element = firstElement + i;
            elements[i] = scale * (isTable ? 2f * Draw(seed, index, element, 0, out _) - 1f : Normal(seed, index, element));
        }
    }

    /// <summary>Marsaglia's polar method: only a logarithm, a root and a quotient, all of which have fixed bits.</summary>
    private static float Normal(int seed, int index, long element)
    {
        for (int attempt = 0; ; attempt++)
        {
            float u = 2f * Draw(seed, index, element, attempt, out float second) - 1f;
            float v = 2f * second - 1f;
            float s = u * u + v * v;
            if (s is > 0f and < 1f)
            {
                return u * ScalarLane.Sqrt(-2f * Logarithm.Log<ScalarLane, float, int>(s) / s);
            }
        }
    }

    private static float Draw(int seed, int index, long element, int attempt, out float second)
    {
        int c0 = (int)element;
        int c1 = (int)(element >> 32);
        int c2 = attempt;
        int c3 = 0;
        Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, seed, index);
        second = Philox.Uniform<ScalarLane, float, int>(c1);
        return Philox.Uniform<ScalarLane, float, int>(c0);
    }
}
