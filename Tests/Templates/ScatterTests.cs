using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.ScatterAdd;
using IndexAdd = RduEmu.Kernels.Programs.Binary<
    RduEmu.Kernels.Programs.Functions.AddFunction,
    RduEmu.Kernels.Programs.Full<RduEmu.Kernels.Programs.S0>,
    RduEmu.Kernels.Programs.Accumulated>;

namespace RduEmu.Tests.Templates;

[TestFixture]
public sealed class ScatterTests
{
    /// <summary>Rows of 1 (all positions collide), few, and more than one digit of the sort holds.</summary>
    [Test]
    public void IndexAdd_OnEveryPath([Values(1, 7, 5000)] int rows, [Values(1, 16, 19)] int width, [Values(0, 1, 40)] int samples, [Values(1, 3)] int hotness)
    {
        Layout at = new(rows, width, samples, hotness);
        uint[] before = at.Words(rows);
        uint[] expected = [.. before];
        var sums = new Dictionary<uint, float[]>();
        for (int position = 0; position < samples * hotness; position++)
        {
            uint row = before[at.Indices + position];
            if ((int)row >= 0)
            {
                if (!sums.TryGetValue(row, out float[]? sum))
                {
                    sums.Add(row, sum = new float[width]);
                }

                for (int c = 0; c < width; c++)
                {
                    sum[c] += Float(before[at.Gradient + position / hotness * width + c]);
                }
            }
        }

        foreach ((uint row, float[] sum) in sums)
        {
            for (int c = 0; c < width; c++)
            {
                expected[row * width + c] = BitConverter.SingleToUInt32Bits(Float(before[row * width + c]) + sum[c]);
            }
        }

        var update = new ProgramBinding([at.Table], [SlotAccess.Full]);
        var unit = new ScatterUpdateUnit<Accumulated, IndexAdd>(
            "index_add", rows, width, samples, hotness, at.IndexOperand, at.GradientOperand, at.Table, update,
            ScatterState.None, default, ProgramBinding.Empty, at.SumsOperand, 0);
        uint[] after = UnitHarness.Check(
            unit, 1, before, tiles: false, scratchElements: ScatterUpdateUnit<Accumulated, IndexAdd>.ScratchElements(samples, hotness), compareElements: at.Sums);

        Assert.That(after[..at.Indices], Is.EqualTo(expected[..at.Indices]));
    }

    [Test]
    public void Adagrad_OnEveryPath([Values] bool rowWise, [Values] bool weighted, [Values(1, 16, 35)] int width)
    {
        Layout at = new(9, width, 25, 2);
        uint[] before = at.Words(3);
        for (int i = at.State; i < at.Rate; i++)
        {
            before[i] &= 0x7FFFFFFF;
        }

        Operand state = new(at.State, rowWise ? 1 : width);
        SlotAccess access = rowWise ? SlotAccess.PerRow : SlotAccess.Full;
        var stateBinding = new ProgramBinding([state], [access]);
        var update = new ProgramBinding([at.Table, state, new Operand(at.Rate, 1)], [SlotAccess.Full, access, SlotAccess.Uniform]);
        var bare = new ProgramTree.TemplateResult();
        var s = new ProgramTree.Input(0, access);
        Type stateProgram = rowWise
            ? new ProgramTree.Call2(typeof(AddFunction), s, bare).ToProgramType()
            : new ProgramTree.Call2(typeof(AdagradStateFunction), s, bare).ToProgramType();
        Type updateProgram = new ProgramTree.Call3(
            typeof(SgdFunction),
            new ProgramTree.Input(0, SlotAccess.Full),
            new ProgramTree.Call2(typeof(AdagradDirectionFunction), new ProgramTree.Input(1, access), bare),
            new ProgramTree.Input(2, SlotAccess.Uniform)).ToProgramType();
        Type type = typeof(ScatterUpdateUnit<,>).MakeGenericType(stateProgram, updateProgram);
        var unit = (RduEmu.Kernels.Templates.ConfiguredUnit)Activator.CreateInstance(
            type, "adagrad", 9, width, 25, 2, at.IndexOperand, at.GradientOperand, at.Table, update,
            rowWise ? ScatterState.Row : ScatterState.Elements, state, stateBinding, at.SumsOperand, 0L, weighted ? at.WeightOperand : null)!;

        uint[] after = UnitHarness.Check(unit, 1, before, tiles: false, scratchElements: 100, compareElements: at.Sums);

        Assert.That(after[..at.Indices], Is.Not.EqualTo(before[..at.Indices]));
        using var inspector = new PtxInspector();
        Assert.That(inspector.Violations(ScatterUpdateKernel.Method(stateProgram, updateProgram)), Is.Empty);
    }

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    private sealed record Layout(int Rows, int Width, int Samples, int Hotness)
    {
        public int Indices => Rows * Width;

        public int Gradient => Indices + Samples * Hotness;

        public int State => Gradient + Samples * Width;

        public int Rate => State + Rows * Width;

        public int Weights => Rate + 1;

        public int Sums => Weights + Samples * Hotness;

        public Operand Table => new(0, Width);

        public Operand IndexOperand => new(Indices, Hotness);

        public Operand WeightOperand => new(Weights, Hotness);

        public Operand GradientOperand => new(Gradient, Width);

        public Operand SumsOperand => new(Sums, Width);

        public uint[] Words(int seed)
        {
            uint[] words = UnitHarness.RandomWords(Sums + Samples * Hotness * Width, seed);
            var random = new Random(seed);
            for (int i = 0; i < Samples * Hotness; i++)
            {
                // Half of the positions meet in a few rows.
                words[Indices + i] = (uint)(i % 2 == 0 ? random.Next(-1, Rows) : random.Next(-1, Math.Min(Rows, 4)));
            }

            return words;
        }
    }
}
