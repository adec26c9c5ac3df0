namespace RduEmu.Emulator.Machine.Time;

/// <summary>A span of modelled time in clock cycles of the emulated part; never host time.</summary>
public readonly record struct Cycles(long Count) : IComparable<Cycles>
{
    public static Cycles Zero => default;

    public static Cycles operator +(Cycles a, Cycles b) => new(checked(a.Count + b.Count));

    public static Cycles operator -(Cycles a, Cycles b) => new(checked(a.Count - b.Count));

    public static Cycles operator *(Cycles a, long times) => new(checked(a.Count * times));

    public static bool operator <(Cycles a, Cycles b) => a.Count < b.Count;

    public static bool operator >(Cycles a, Cycles b) => a.Count > b.Count;

    public static bool operator <=(Cycles a, Cycles b) => a.Count <= b.Count;

    public static bool operator >=(Cycles a, Cycles b) => a.Count >= b.Count;

    public static Cycles Max(Cycles a, Cycles b) => a > b ? a : b;

    public static Cycles Min(Cycles a, Cycles b) => a < b ? a : b;

    public int CompareTo(Cycles other) => Count.CompareTo(other.Count);

    /// <summary>Seconds at a clock.</summary>
    public double Seconds(long clockHertz) => Count / (double)clockHertz;

    public override string ToString() => $"{Count} cycles";
}
