namespace RduEmu.Kernels.Templates;

/// <summary>
/// The height of a register tile as a type: the compiler of the runtime makes a loop for each, without the rows that it does
/// not have.
/// </summary>
internal interface IRegisterRows
{
    static abstract int Count { get; }
}

internal readonly struct Rows1 : IRegisterRows
{
    public static int Count => 1;
}

internal readonly struct Rows2 : IRegisterRows
{
    public static int Count => 2;
}

internal readonly struct Rows3 : IRegisterRows
{
    public static int Count => 3;
}

internal readonly struct Rows4 : IRegisterRows
{
    public static int Count => 4;
}

internal readonly struct Rows5 : IRegisterRows
{
    public static int Count => 5;
}

internal readonly struct Rows6 : IRegisterRows
{
    public static int Count => 6;
}

internal readonly struct Rows7 : IRegisterRows
{
    public static int Count => 7;
}

internal readonly struct Rows8 : IRegisterRows
{
    public static int Count => 8;
}

internal readonly struct Rows9 : IRegisterRows
{
    public static int Count => 9;
}

internal readonly struct Rows10 : IRegisterRows
{
    public static int Count => 10;
}

internal readonly struct Rows11 : IRegisterRows
{
    public static int Count => 11;
}

internal readonly struct Rows12 : IRegisterRows
{
    public static int Count => 12;
}

/// <summary>Rows in register tiles of nearly equal height.</summary>
internal static class RegisterRows
{
    /// <summary>Rows of the next tile when <paramref name="rows"/> are left and a tile has at most <paramref name="most"/>: the tallest come first.</summary>
    public static int Next(int rows, int most)
    {
        int tiles = (rows + most - 1) / most;
        return (rows + tiles - 1) / tiles;
    }
}
