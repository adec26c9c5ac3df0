using RduEmu.Emulator.Machine.Spec;
using RduEmu.Emulator.Machine.Time;

namespace RduEmu.Emulator.Machine.Units;

/// <summary>A buffer in PMUs: banks of words, read and written at the same time, one access of each kind a cycle.</summary>
public sealed class PmuModel(RduSpec spec)
{
    private const int WordBytes = 4;

    /// <summary>
    /// Cycles that an access of one vector takes when neighbouring lanes are so many words apart: the most lanes that meet in one bank.
    /// Words go round the banks, so stride s meets every banks / gcd(s, banks) lanes. A transpose is laid out diagonally and
    /// meets nowhere; it comes here with stride 1.
    /// </summary>
    public long ConflictCycles(long strideWords)
    {
        if (strideWords == 0)
        {
            // All lanes want one word: it is broadcast.
            return 1;
        }

        long distinct = spec.Pmu.Banks / Gcd(Math.Abs(strideWords), spec.Pmu.Banks);
        return Math.Max(1, UnitModel.CeilDiv(spec.Pcu.Lanes, distinct));
    }

    /// <summary>
    /// Cycles to read or write an amount in rows: a row that does not fill its last vector takes that vector whole.
    /// </summary>
    /// <param name="rowBytes">Bytes that lie together.</param>
    public Cycles AccessCycles(Bytes amount, long pmus, long rowBytes, bool isWrite)
    {
        long width = isWrite ? spec.Pmu.WriteBytesPerCycle : spec.Pmu.ReadBytesPerCycle;
        return BytesPerCycle.Width(width).Times(Math.Max(1, pmus)).CyclesFor(Padded(amount, rowBytes));
    }

    /// <summary>Vectors that are touched only in part: what <see cref="AccessCycles"/> takes longer for.</summary>
    public Bytes Padded(Bytes amount, long rowBytes)
    {
        long vector = spec.Pcu.Lanes * WordBytes;
        if (rowBytes <= 0 || rowBytes % vector == 0)
        {
            return amount;
        }

        long rows = UnitModel.CeilDiv(amount.Count, rowBytes);
        return new Bytes(checked(rows * UnitModel.CeilDiv(Math.Min(rowBytes, amount.Count), vector) * vector));
    }

    private static long Gcd(long a, long b)
    {
        while (b != 0)
        {
            (a, b) = (b, a % b);
        }

        return a;
    }
}
