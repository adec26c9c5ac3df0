using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Templates;

namespace RduEmu.Tests.Templates;

/// <summary>
/// Runs one unit in every way there is, from the same arena, and demands the interpreter's bits of all of them: whole, tile by
/// tile, shared by columns, and as a kernel on the simulator.
/// </summary>
internal static unsafe class UnitHarness
{
    /// <param name="before">The arena before the unit runs; all of it is compared afterwards, so a stray write shows.</param>
    /// <param name="compareElements">Words to compare where the rest is a device's workspace.</param>
    public static uint[] Check(ConfiguredUnit unit, int items, uint[] before, bool tiles = true, bool simulator = true, long scratchElements = 0, int? compareElements = null)
    {
        int compared = compareElements ?? before.Length;
        using var scratch = new HostArena(scratchElements * sizeof(float));
        new Span<byte>(scratch.Start, (int)scratch.LengthBytes).Fill(0xFF);
        uint[] expected = On(before, start => unit.Interpret(new InterpreterMemory(start, before.Length * sizeof(uint)), items));
        Same(compared, On(before, start => unit.Run(new HostTile(start, scratch.Start, 0, items))), expected, "whole");
        if (tiles)
        {
            foreach (int size in new[] { 1, 3, 7 })
            {
                Same(compared, On(before, start => Tiles(unit, start, scratch.Start, items, size)), expected, $"tiles of {size}");
            }
        }

        if (unit.SplitsColumns)
        {
            foreach (int[] pieces in (int[][])[[1, 1], [1, 1, 1], [2, 1, 2], [4, 2, 1]])
            {
                Same(compared, On(before, start => Parts(unit, start, scratch.Start, items, pieces)), expected, $"parts {string.Join(", ", pieces)}");
            }
        }

        if (simulator)
        {
            Same(compared, Simulated(unit, items, before), expected, "ilgpu");
        }

        return expected;
    }

    public static uint[] RandomWords(int count, int seed)
    {
        var random = new Random(seed);
        var words = new uint[count];
        for (int i = 0; i < count; i++)
        {
            words[i] = BitConverter.SingleToUInt32Bits((random.NextSingle() - 0.5f) * 4f);
        }

        return words;
    }

    private static void Tiles(ConfiguredUnit unit, byte* start, byte* scratch, int items, int size)
    {
        for (int begin = 0; begin < items; begin += size)
        {
            unit.Run(new HostTile(start, scratch, begin, Math.Min(size, items - begin)));
        }
    }

    /// <summary>The unit in pieces of so many parts each, the last piece first.</summary>
    private static void Parts(ConfiguredUnit unit, byte* start, byte* scratch, int items, int[] pieces)
    {
        int parts = pieces.Sum();
        int end = parts;
        foreach (int piece in pieces.Reverse())
        {
            unit.Run(new HostTile(start, scratch, 0, items, end - piece, end, parts));
            end -= piece;
        }
    }

    private static uint[] Simulated(ConfiguredUnit unit, int items, uint[] before)
    {
        long bytes = before.Length * sizeof(uint);
        using var device = new IlgpuDevice("ilgpu", bytes);
        var after = new uint[before.Length];
        fixed (uint* source = before, target = after)
        {
            device.CopyToDevice(source, 0, bytes);
            unit.Launch(device, items);
            device.CopyFromDevice(0, target, bytes);
        }

        return after;
    }

    private delegate void Work(byte* start);

    private static uint[] On(uint[] before, Work work)
    {
        using var arena = new HostArena(before.Length * sizeof(uint));
        before.CopyTo(new Span<uint>(arena.Start, before.Length));
        work(arena.Start);
        return new Span<uint>(arena.Start, before.Length).ToArray();
    }

    private static void Same(int compared, uint[] actual, uint[] expected, string how)
    {
        for (int i = 0; i < compared; i++)
        {
            if (actual[i] != expected[i] && !(IsNaN(actual[i]) && IsNaN(expected[i])))
            {
                Assert.Fail($"{how}: word {i} is 0x{actual[i]:X8}, the interpreter has 0x{expected[i]:X8}");
            }
        }
    }

    private static bool IsNaN(uint bits) => float.IsNaN(BitConverter.UInt32BitsToSingle(bits));
}
