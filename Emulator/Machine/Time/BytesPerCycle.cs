namespace RduEmu.Emulator.Machine.Time;

/// <summary>A bandwidth as an exact fraction, so that time stays integer and no rounding depends on the host.</summary>
/// <param name="BytesPerSecond">Numerator: bytes per second, or bytes if the denominator is 1.</param>
/// <param name="CyclesPerSecond">Denominator: the clock in hertz, at least 1.</param>
public readonly record struct BytesPerCycle(long BytesPerSecond, long CyclesPerSecond)
{
    /// <summary>A width: whole bytes every cycle.</summary>
    public static BytesPerCycle Width(long bytes) => new(bytes, 1);

    /// <summary>The cycles that an amount takes, rounded up; no data take no time.</summary>
    public Cycles CyclesFor(Bytes amount)
    {
        if (amount.Count <= 0)
        {
            return Cycles.Zero;
        }

        Int128 exact = (Int128)amount.Count * CyclesPerSecond;
        return new Cycles((long)((exact + BytesPerSecond - 1) / BytesPerSecond));
    }

    /// <summary>This share of it, in percent.</summary>
    public BytesPerCycle Percent(long percent) => new(checked(BytesPerSecond * percent), checked(CyclesPerSecond * 100));

    /// <summary>This many of them side by side, of so many parts.</summary>
    public BytesPerCycle Times(long count, long of = 1) => new(checked(BytesPerSecond * count), checked(CyclesPerSecond * of));

    public double Value => BytesPerSecond / (double)CyclesPerSecond;

    public override string ToString() => FormattableString.Invariant($"{Value:0.###} bytes/cycle");
}
