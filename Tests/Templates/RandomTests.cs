using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Random;

namespace RduEmu.Tests.Templates;

[TestFixture]
public sealed unsafe class RandomTests
{
    private const int Seed = 42;
    private const int Stream = 7;

    [Test]
    public void OnEveryPath(
        [Values(0, 1, 11)] int items, [Values(1, 3)] int rowsPerItem, [Values(1, 15, 16, 17, 100)] int columns, [Values(0, 5)] int gap, [Values] Kind kind)
    {
        int rows = items * rowsPerItem;
        uint[] before = UnitHarness.RandomWords(rows * (columns + gap) + 1, columns);
        before[0] = 3;
        ConfiguredUnit unit = Unit(kind, rowsPerItem, columns, columns + gap);

        uint[] after = UnitHarness.Check(unit, items, before);

        Assert.That(unit.OperationsPerItem, Is.EqualTo(rowsPerItem * columns));
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                Assert.That(after[1 + row * (columns + gap) + column], Is.EqualTo(Expected(kind, row * columns + column, 3)), $"({row}, {column})");
            }
        }
    }

    /// <summary>The step is a word of the arena: the same word gives the same numbers, another gives others.</summary>
    [Test]
    public void Step_IsReadFromTheArena()
    {
        uint[] Draw(uint step)
        {
            var before = new uint[1 + 64];
            before[0] = step;
            return UnitHarness.Check(Unit(Kind.Normal, 1, 16, 16), 4, before)[1..];
        }

        uint[] first = Draw(1);
        uint[] second = Draw(2);

        Assert.That(Draw(1), Is.EqualTo(first));
        Assert.That(first.Zip(second).Count(pair => pair.First == pair.Second), Is.Zero);
    }

    /// <summary>Elements beyond 2^32 carry into the upper word, inside a wide lane, too.</summary>
    [TestCase((1L << 32) - 9)]
    [TestCase((5L << 32) - 16)]
    [TestCase(1L << 31)]
    public void Fill_CountsBeyond32Bits(long element)
    {
        const int count = 39;
        float* target = stackalloc float[count];
        RandomHost.Fill<UniformDistribution>(target, element, count, 1, Seed, Stream, 0f, 1f);

        for (int i = 0; i < count; i++)
        {
            int c0 = (int)(uint)((element + i) & 0xFFFFFFFF);
            int c1 = (int)((element + i) >> 32);
            int c2 = 1;
            int c3 = 0;
            Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, Seed, Stream);
            Assert.That(target[i], Is.EqualTo((uint)c0 / 256 / (float)(1 << 24)), $"element {element + i}");
        }
    }

    [TestCase(0f, 0)]
    [TestCase(1f, 100_000)]
    [TestCase(0.9f, 90_000)]
    public void Bernoulli_KeepsItsShare(float probability, int expected)
    {
        const int count = 100_000;
        var values = new float[count];
        fixed (float* target = values)
        {
            RandomHost.Fill<BernoulliDistribution>(target, 0, count, 1, Seed, Stream, probability, 2f);
        }

        // Five standard deviations.
        double slack = 5 * Math.Sqrt(count * probability * (1 - (double)probability));
        Assert.That(values.Count(x => x == 2f), Is.EqualTo(expected).Within(slack));
        Assert.That(values.All(x => x is 2f or 0f));
    }

    [TestCase(0u, 0f, 0f)]
    [TestCase(~0u, 1f, 2f)]
    [TestCase(0xC0000000u, 0.75f, 0f)]
    [TestCase(0xBFFFFFFFu, 0.75f, 2f)]
    public void Bernoulli_AtItsEdge(uint word, float probability, float expected) =>
        Assert.That(BernoulliDistribution.Draw<ScalarLane, float, int>((int)word, 0, probability, 2f), Is.EqualTo(expected));

    [TestCase(typeof(UniformDistribution))]
    [TestCase(typeof(NormalDistribution))]
    [TestCase(typeof(BernoulliDistribution))]
    public void Ptx_IsClean(Type distribution)
    {
        using var inspector = new PtxInspector();

        Assert.That(inspector.Violations(RandomKernel.Method(distribution)), Is.Empty);
    }

    public enum Kind
    {
        Uniform,
        Normal,
        Bernoulli,
    }

    private static ConfiguredUnit Unit(Kind kind, int rowsPerItem, int columns, int stride) => kind switch
    {
        Kind.Uniform => new RandomUnit<UniformDistribution>("uniform", rowsPerItem, columns, new Operand(1, stride), new Operand(0, 1), Seed, Stream, -2f, 4f),
        Kind.Normal => new RandomUnit<NormalDistribution>("normal", rowsPerItem, columns, new Operand(1, stride), new Operand(0, 1), Seed, Stream, 1f, 0.5f),
        _ => new RandomUnit<BernoulliDistribution>("mask", rowsPerItem, columns, new Operand(1, stride), new Operand(0, 1), Seed, Stream, 0.75f, 4f / 3f),
    };

    /// <summary>The contract, word for word: counter (element, 0, step, 0), key (seed, stream).</summary>
    private static uint Expected(Kind kind, int element, int step)
    {
        int c0 = element;
        int c1 = 0;
        int c2 = step;
        int c3 = 0;
        Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, Seed, Stream);
        float uniform = ((uint)c0 >> 8) / (float)(1 << 24);
        return BitConverter.SingleToUInt32Bits(kind switch
        {
            Kind.Uniform => MathF.FusedMultiplyAdd(uniform, 4f, -2f),
            Kind.Normal => MathF.FusedMultiplyAdd(RandomElement.Normal<ScalarLane, float, int>(c0, c1), 0.5f, 1f),
            _ => uniform < 0.75f ? 4f / 3f : 0f,
        });
    }
}
