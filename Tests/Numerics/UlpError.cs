namespace RduEmu.Tests.Numerics;

/// <summary>The error of a float against a float64, in units of the float's last place.</summary>
internal static class UlpError
{
    /// <summary>|y - exact| in units of the last place of the float next to exact; infinite where only one is NaN or infinite.</summary>
    public static double Of(float y, double exact)
    {
        if (double.IsNaN(exact) || float.IsNaN(y))
        {
            return double.IsNaN(exact) && float.IsNaN(y) ? 0 : double.PositiveInfinity;
        }

        float rounded = (float)exact;
        if (y == rounded)
        {
            // Equal, or half a unit off at most; signs of zero count.
            return y == 0 && float.IsNegative(y) != double.IsNegative(exact) ? double.PositiveInfinity
                : float.IsInfinity(y) ? 0 : Math.Abs(y - exact) / Ulp(rounded);
        }

        return float.IsInfinity(y) && !float.IsInfinity(rounded) && Math.Abs(rounded) < float.MaxValue ? double.PositiveInfinity
            : float.IsInfinity(rounded) ? (Math.Abs(y) == float.MaxValue ? 1 : double.PositiveInfinity)
            : Math.Abs(y - exact) / Ulp(rounded);
    }

    private static double Ulp(float x)
    {
        float magnitude = Math.Abs(x);
        return magnitude < 2.3509887e-38f ? float.Epsilon : Math.ScaleB(1, Math.ILogB(magnitude) - 23);
    }
}
