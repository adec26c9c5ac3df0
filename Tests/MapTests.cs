using System.Runtime.InteropServices;
using NUnit.Framework;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Map;

namespace RduEmu.Tests;

/// <summary>The host's loop against the interpreter, over widths that do and do not fill a wide lane.</summary>
[TestFixture]
public sealed unsafe class MapTests
{
    private static readonly int[] AwkwardColumns = [1, 2, 7, 15, 16, 17, 31, 32, 33, 127];

    [TestCaseSource(nameof(AwkwardColumns))]
    public void HostEqualsInterpreter_BiasAndRelu(int columns)
    {
        const int items = 5;
        ProgramTree tree = new ProgramTree.Call1(
            typeof(ReluFunction),
            new ProgramTree.Call2(
                typeof(AddFunction),
                new ProgramTree.Input(0, SlotAccess.Full),
                new ProgramTree.Input(1, SlotAccess.PerColumn)));

        uint[] byInterpreter = Evaluate(tree, items, columns, interpret: true);
        uint[] byHost = Evaluate(tree, items, columns, interpret: false);

        Assert.That(byHost, Is.EqualTo(byInterpreter));
        Assert.That(byHost, Has.Some.Not.Zero);
    }

    [Test]
    public void Relu_OfSpecialValues_KeepsNaNAndClearsNegativeZero()
    {
        float[] inputs = [float.NaN, -0f, 0f, float.NegativeInfinity, float.PositiveInfinity, -float.Epsilon, float.Epsilon];
        var outputs = new float[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            outputs[i] = ReluFunction.Apply<RduEmu.Kernels.Numerics.ScalarLane, float, int>(inputs[i]);
        }

        Assert.That(outputs[0], Is.NaN);
        Assert.That(BitConverter.SingleToInt32Bits(outputs[1]), Is.Zero);
        Assert.That(outputs[2..], Is.EqualTo(new[] { 0f, 0f, float.PositiveInfinity, 0f, float.Epsilon }));
    }

    private static uint[] Evaluate(ProgramTree tree, int items, int columns, bool interpret)
    {
        int inputStride = columns + 3;
        long biasOffset = (long)items * inputStride;
        long outputOffset = biasOffset + columns;
        long lengthElements = outputOffset + (long)items * columns;
        var memory = (float*)NativeMemory.AlignedAlloc((nuint)(lengthElements * sizeof(float)), 64);
        try
        {
            var random = new Random(columns);
            for (long i = 0; i < lengthElements; i++)
            {
                memory[i] = random.NextSingle() * 2f - 1f;
            }

            var binding = new ProgramBinding(
                [new Operand(0, inputStride), new Operand(biasOffset, columns)],
                [SlotAccess.Full, SlotAccess.PerColumn]);
            Type type = typeof(MapUnit<>).MakeGenericType(tree.ToProgramType());
            var unit = (ConfiguredUnit)Activator.CreateInstance(
                type, "test", 1, columns, new Operand(outputOffset, columns), binding, tree.FunctionCount)!;
            if (interpret)
            {
                unit.Interpret(new InterpreterMemory((byte*)memory, lengthElements * sizeof(float)), items);
            }
            else
            {
                unit.Run(new HostTile((byte*)memory, null, 0, items));
            }

            return new Span<uint>(memory + outputOffset, items * columns).ToArray();
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }
}
