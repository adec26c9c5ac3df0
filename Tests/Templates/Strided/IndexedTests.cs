using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.Strided;

namespace RduEmu.Tests.Templates.Strided;

[TestFixture]
public sealed class IndexedTests
{
    /// <summary>out[p, i, q] = x[p, index[i], q], items along p; indices are int64, some negative, one outside.</summary>
    [Test]
    public void Gather_OnEveryPath([Values(0, 1, 3)] int before, [Values(0, 1, 17)] int count, [Values(1, 2, 33)] int after, [Values(1, 2)] int words)
    {
        const int extent = 5;
        int x = 0;
        int indices = before * extent * after * words;
        int output = indices + 2 * count;
        uint[] memory = UnitHarness.RandomWords(output + before * count * after * words, after);
        var random = new Random(count);
        var chosen = new int[count];
        for (int i = 0; i < count; i++)
        {
            chosen[i] = i == 1 ? extent : random.Next(-extent, extent);
            memory[indices + 2 * i] = (uint)chosen[i];
            memory[indices + 2 * i + 1] = chosen[i] < 0 ? uint.MaxValue : 0;
        }

        var unit = new IndexedCopyUnit(
            "gather", [count, after], NdOperand.Dense(output, [count, after], words),
            new NdOperand(x, extent * after * words, [0, words]), new NdOperand(indices, 0, [2, 0]),
            IndexArguments.From(0, ElementCode.Int64, [extent], [after * words]), words);
        uint[] result = UnitHarness.Check(unit, before, memory);

        for (int at = 0; at < before * count * after * words; at++)
        {
            int i = at / (after * words) % count;
            int p = at / (after * words) / count;
            int row = chosen[i] < 0 ? chosen[i] + extent : chosen[i];
            uint expected = row == extent ? 0 : memory[(p * extent + row) * after * words + at % (after * words)];
            Assert.That(result[output + at], Is.EqualTo(expected), $"word {at}");
        }
    }

    /// <summary>Positions of two components, and several updates of one element, which meet in ascending order.</summary>
    [Test]
    public void ScatterND_OnEveryPath([Values(0, 1, 2, 31)] int updates, [Values(1, 3, 16)] int after, [Values] bool add)
    {
        const int rows = 3;
        const int columns = 2;
        int target = 0;
        int indices = rows * columns * after;
        int source = indices + 2 * updates;
        uint[] memory = UnitHarness.RandomWords(source + updates * after, after);
        var random = new Random(updates);
        for (int i = 0; i < updates; i++)
        {
            memory[indices + 2 * i] = (uint)random.Next(-rows, rows);
            memory[indices + 2 * i + 1] = (uint)random.Next(0, columns + (i == 3 ? 1 : 0));
        }

        IndexArguments index = IndexArguments.From(1, ElementCode.Int32, [rows, columns], [columns * after, after]);
        NdOperand[] operands = [new(target, 0, [1, 0]), new(source, 0, [1, after]), new(indices, 0, [0, 2])];
        Kernels.Templates.ConfiguredUnit unit = add
            ? new IndexedUpdateUnit<AddFloat32Word>("scatter", [after], [updates], operands[0], operands[1], operands[2], index, ElementCode.Float32)
            : new IndexedUpdateUnit<SecondWord>("scatter", [after], [updates], operands[0], operands[1], operands[2], index, ElementCode.Float32);
        uint[] result = UnitHarness.Check(unit, 1, memory, tiles: false);

        uint[] expected = [.. memory];
        for (int i = 0; i < updates; i++)
        {
            int row = (int)memory[indices + 2 * i];
            int column = (int)memory[indices + 2 * i + 1];
            for (int q = 0; q < after && column < columns; q++)
            {
                int at = (((row < 0 ? row + rows : row) * columns) + column) * after + q;
                float update = Float(memory[source + i * after + q]);
                expected[at] = BitConverter.SingleToUInt32Bits(add ? Float(expected[at]) + update : update);
            }
        }

        Assert.That(result, Is.EqualTo(expected));
    }

    [Test]
    public void Ptx_IsClean()
    {
        using var inspector = new PtxInspector();
        Assert.That(inspector.Violations(IndexedCopyKernel.Method), Is.Empty);
        Assert.That(inspector.Violations(IndexedUpdateKernel.Method(typeof(AddFloat32Word))), Is.Empty);
    }

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);
}
