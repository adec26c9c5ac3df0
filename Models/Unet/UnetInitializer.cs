using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Models.Unet;

/// <summary>
/// First values of the parameters, from Philox, keyed by (seed, position of the parameter), counted by element: filters
/// N(0, sqrt(2 / n)) with n the inputs of a result (He et al., ICCV 2015), biases and running means 0, gammas and running variances 1.
/// </summary>
public static class UnetInitializer
{
    /// <param name="name">The parameter's name, which says what it is.</param>
    /// <param name="isTransposed">True for the filter of a transposed convolution 2x2 with stride 2: each result has one tap of each filter.</param>
    /// <param name="index">Its position among the model's.</param>
    /// <param name="firstElement">Where in it the piece begins.</param>
    public static void Fill(string name, TensorType type, bool isTransposed, int seed, int index, long firstElement, Span<float> elements)
    {
        if (type.Rank == 4)
        {
            int inputs = isTransposed ? type.Shape[0] : type.Shape[1] * type.Shape[2] * type.Shape[3];
            float deviation = ScalarLane.Sqrt(2f / inputs);
            for (int i = 0; i < elements.Length; i++)
            {
                elements[i] = deviation * Normal(seed, index, firstElement + i);
            }

            return;
        }

        bool isOne = name.EndsWith("running_var", StringComparison.Ordinal)
            || (name.Contains("norm", StringComparison.Ordinal) && name.EndsWith(".weight", StringComparison.Ordinal));
        elements.Fill(isOne ? 1f : 0f);
    }

    /// <summary>Box and Muller with functions of fixed bits.</summary>
    private static float Normal(int seed, int index, long element)
    {
        int c0 = (int)element;
        int c1 = (int)(element >> 32);
        int c2 = 0;
        int c3 = 0;
        Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, seed, index);

        // In (0, 1]: its logarithm is finite.
        float v = 1f - Philox.Uniform<ScalarLane, float, int>(c0);
        float angle = 6.2831855f * Philox.Uniform<ScalarLane, float, int>(c1);
        return ScalarLane.Mul(
            ScalarLane.Sqrt(ScalarLane.Mul(-2f, Logarithm.Log<ScalarLane, float, int>(v))), Trigonometric.Cos<ScalarLane, float, int>(angle));
    }
}
