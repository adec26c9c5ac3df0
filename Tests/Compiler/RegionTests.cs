using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Tests.Compiler;

/// <summary>Boxes of values, and what parts of operators read.</summary>
[TestFixture]
public sealed class RegionTests
{
    /// <summary>The runs of a box are its elements, in order, whatever axes are cut.</summary>
    [Test]
    public void Runs_AreTheElementsInOrder([Values(1, 2, 3, 4)] int rank)
    {
        var random = new Random(rank);
        for (int round = 0; round < 200; round++)
        {
            int[] shape = [.. Enumerable.Range(0, rank).Select(_ => random.Next(1, 5))];
            TensorType type = TensorType.Whole(shape);
            Region region = Region.Of(type);
            for (int axis = 0; axis < rank; axis++)
            {
                int begin = random.Next(shape[axis]);
                region = random.Next(2) == 0 ? region : region.With(axis, begin, random.Next(1, shape[axis] - begin + 1));
            }

            long rowWords = rank < 2 ? 0 : type.CountElements / shape[0];
            var actual = new List<long>();
            region.ForEachRun(type.Shape, (row, first, length) => actual.AddRange(Enumerable.Range(0, length).Select(i => row * rowWords + first + i)));

            Assert.That(actual, Is.EqualTo(Elements(shape, region)).AsCollection, $"{region} of {type}");
        }
    }

    [Test]
    public void Intersection_IsWhatBothHave()
    {
        Region all = Region.Of(TensorType.Whole(8, 8));
        Region a = all.With(0, 2, 4);
        Region b = all.With(0, 4, 4).With(1, 1, 3);

        Assert.That(a.Intersect(b), Is.EqualTo(all.With(0, 4, 2).With(1, 1, 3)));
        Assert.That(a.Intersect(all.With(0, 6, 2)).IsEmpty);
        Assert.That(a.Contains(b), Is.False);
        Assert.That(all.Contains(b));
        Assert.That(a.Intersect(b).Within(b), Is.EqualTo(all.With(0, 0, 2).With(1, 0, 3)));
    }

    /// <summary>A tile of a convolution reads a row of each neighbour; at the image's end the padding stays.</summary>
    [Test]
    public void TileOfAConvolution_ReadsItsHalo()
    {
        TensorType x = TensorType.Samples(1, 16, 8, 2);
        TensorType filter = TensorType.Whole(3, 3, 3, 2);
        var op = new ImageConvolution(ConvolutionWindow.Same(3));
        var inputs = new OperatorInputs("test", op.Name, [x, filter]);
        TensorType y = op.Infer(inputs);

        SliceRule first = op.SliceOf(inputs, y, Region.Of(y).With(1, 0, 4))!;
        SliceRule middle = op.SliceOf(inputs, y, Region.Of(y).With(1, 4, 4))!;

        Assert.That(first.Inputs[0], Is.EqualTo(Region.Of(x).With(1, 0, 5)));
        Assert.That(first.Operator, Is.EqualTo(new ImageConvolution(ConvolutionWindow.Same(3) with { Bottom = 0 })));
        Assert.That(middle.Inputs[0], Is.EqualTo(Region.Of(x).With(1, 3, 6)));
        Assert.That(middle.Operator, Is.EqualTo(new ImageConvolution(ConvolutionWindow.Same(3) with { Top = 0, Bottom = 0 })));
        Assert.That(op.SliceOf(inputs, y, Region.Of(y).With(2, 0, 4)), Is.Null, "columns of an image are not cut");
    }

    /// <summary>A tile of a pooling's gradient that cuts a window cannot be computed by itself.</summary>
    [Test]
    public void TileThatCutsAWindow_IsRefused()
    {
        var op = new MaxPoolGradient(MaxPool.Of(2));
        TensorType x = TensorType.Samples(1, 8, 8, 2);
        var inputs = new OperatorInputs("test", op.Name, [TensorType.Samples(1, 4, 4, 2), x]);

        Assert.That(op.SliceOf(inputs, x, Region.Of(x).With(1, 2, 4))!.Inputs[0], Is.EqualTo(Region.Of(inputs[0]).With(1, 1, 2)));
        Assert.That(op.SliceOf(inputs, x, Region.Of(x).With(1, 3, 4)), Is.Null);
    }

    private static List<long> Elements(int[] shape, Region region)
    {
        var elements = new List<long> { 0 };
        for (int axis = 0; axis < shape.Length; axis++)
        {
            elements = [.. elements.SelectMany(outer => Enumerable.Range(region.Begin[axis], region.Extent[axis]).Select(i => outer * shape[axis] + i))];
        }

        return elements;
    }
}
