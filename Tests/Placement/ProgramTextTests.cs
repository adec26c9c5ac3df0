using System.Globalization;
using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Placement;

namespace RduEmu.Tests.Placement;

public sealed class ProgramTextTests
{
    private const string Expected = """
        program for small: 1 tiles of 32 PCUs and 32 PMUs, mode o3

        section 0 forward "Linear_0+AddBias+Relu .. Linear_3+Add": 4 iterations, 16 PCUs, 5 PMUs, about 22952 cycles
          stage 0 systolic "Linear_0+AddBias+Relu": 1 x 64x128x64, 8 x 1 PCUs, 448 cycles, depth 0, weights 16640 B in 1 PMUs
          stage 1 systolic "Linear_3+Add": 1 x 64x64x128, 8 x 1 PCUs, 384 cycles, depth 1, weights 16384 B in 1 PMUs
          stream 0 Relu_2: stage 0 -> 1, 16384 B, lag 1, depth 2, 1 PMUs
          load 0 x: stages [0, 1], each 8192 B, 1 PMUs
          load 1 first: stages [0], first 16384 B, 0 PMUs
          load 2 bias: stages [0], first 256 B, 0 PMUs
          load 3 second: stages [1], first 16384 B, 0 PMUs
          store 4 Add_4: stages [1], each 8192 B, 1 PMUs
          layout 0: cost 13917 -> 8695, 45 routes
        """;

    [Test]
    public void Write_TwoLayers_AsReviewed() => Assert.That(Text(), Is.EqualTo(Expected.ReplaceLineEndings("\n") + "\n"));

    [TestCase("tr-TR")]
    [TestCase("ar-SA")]
    [TestCase("de-DE")]
    public void Write_UnderAnotherCulture_TheSame(string culture)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            // Invariant globalisation knows no data of cultures: one made here has separators and signs of its own.
            var other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            other.NumberFormat.NegativeSign = "~";
            other.NumberFormat.NumberGroupSeparator = culture[..1];
            other.NumberFormat.NumberDecimalSeparator = culture[1..2];
            CultureInfo.CurrentCulture = other;
            Assert.That(Text(), Is.EqualTo(Expected.ReplaceLineEndings("\n") + "\n"));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private static string Text()
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(256, 64));
        ValueId hidden = builder.Apply(new Linear(), x, builder.Parameter("first", TensorType.Whole(128, 64)));
        hidden = builder.Apply(new Relu(), builder.Apply(new AddBias(), hidden, builder.Parameter("bias", TensorType.Whole(128))));
        ValueId y = builder.Apply(new Linear(), hidden, builder.Parameter("second", TensorType.Whole(64, 128)));
        return ProgramText.Write(PlacementCompiler.Compile(builder.Build(builder.Apply(new Add(), x, y)), Chips.Small, new PlacementOptions()));
    }
}
