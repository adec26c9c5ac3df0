namespace RduEmu.Emulator.Machine.Time;

/// <summary>An amount of data.</summary>
public readonly record struct Bytes(long Count) : IComparable<Bytes>
{
    public static Bytes Zero => default;

    public static Bytes operator +(Bytes a, Bytes b) => new(checked(a.Count + b.Count));

    public static Bytes operator -(Bytes a, Bytes b) => new(checked(a.Count - b.Count));

    public static Bytes operator *(Bytes a, long times) => new(checked(a.Count * times));

    public static bool operator <(Bytes a, Bytes b) => a.Count < b.Count;

    public static bool operator >(Bytes a, Bytes b) => a.Count > b.Count;

    public static bool operator <=(Bytes a, Bytes b) => a.Count <= b.Count;

    public static bool operator >=(Bytes a, Bytes b) => a.Count >= b.Count;

    public int CompareTo(Bytes other) => Count.CompareTo(other.Count);

    public override string ToString() => $"{Count} bytes";
}
