using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Templates.Round;

namespace RduEmu.Tests.Compiler;

/// <summary>Operators over samples, images and tokens, and steps of optimisers, with one extent that is asked for.</summary>
internal static class SampleOperatorCases
{
    public static IEnumerable<OperatorCase> All() => [.. Elementwise(), .. Steps(), .. Rows(), .. Products(), .. Images(), .. Layouts()];

    private static OperatorCase Case<T>(SizedOperator make)
        where T : Operator => new(typeof(T), make);

    /// <summary>Of samples in rows of n columns, and of n samples; inputs behind them are values of columns and numbers.</summary>
    private static IEnumerable<OperatorCase> OfSamples<T>(T op, int samples, int columns = 0, int numbers = 0)
        where T : Operator
    {
        ValueId[] Inputs(SizedGraph g, int rows, int n) =>
        [
            .. Enumerable.Range(0, samples).Select(_ => g.S(rows, n)), .. Enumerable.Range(0, columns).Select(_ => g.F(n)),
            .. Enumerable.Range(0, numbers).Select(_ => g.F(1)),
        ];
        yield return Case<T>((g, n) => g.Apply(op, Inputs(g, 3, n)));
        yield return Case<T>((g, n) => g.Apply(op, Inputs(g, n, 5)));
    }

    private static IEnumerable<OperatorCase> Elementwise() =>
    [
        .. OfSamples(new AddBias(), 1, columns: 1),
        .. OfSamples(new Mul(), 2),
        .. OfSamples(new Tanh(), 1),
        .. OfSamples(new TanhGradient(), 2),
        .. OfSamples(new SigmoidGradient(), 2),
        .. OfSamples(new ReluGradient(), 2),
        .. OfSamples(new Gelu(), 1),
        .. OfSamples(new GeluGradient(), 2),
        .. OfSamples(new ScaleColumns(), 1, columns: 2),
        .. OfSamples(new BatchNormalize(OfBatch: true), 1, columns: 4, numbers: 1),
        .. OfSamples(new BatchNormalize(OfBatch: false), 1, columns: 4),
        .. OfSamples(new BatchNormalizeInputGradient(), 2, columns: 5),
        .. Enum.GetValues<LossKind>().SelectMany(kind => new[]
        {
            Case<SampleLoss>((g, n) => g.Apply(new SampleLoss(kind), g.S(n, 1), g.S(n, 1))),
            Case<SampleLossGradient>((g, n) => g.Apply(new SampleLossGradient(kind), g.S(n, 1), g.S(n, 1), g.F(1))),
        }),
        Case<FocalLoss>((g, n) => g.Apply(new FocalLoss(), g.S(n, 3, 1), g.S(n, 3, 1))),
        Case<FocalLossGradient>((g, n) => g.Apply(new FocalLossGradient(), g.S(n, 1), g.S(n, 1), g.F(1))),
        Case<DiceGradient>((g, n) => g.Apply(new DiceGradient(), g.S(2, n, 1), g.F(1), g.F(1))),
        Case<DiceLoss>((g, _) => g.Apply(new DiceLoss(), g.F(1), g.F(1), g.F(1))),
        Case<DiceSlope>((g, _) => g.Apply(new DiceSlope(), g.F(1), g.F(1))),
        Case<DiceOffset>((g, _) => g.Apply(new DiceOffset(), g.F(1), g.F(1), g.F(1))),
    ];

    /// <summary>Whole values of one type, and numbers.</summary>
    private static OperatorCase Step<T>(T op, int values, int numbers)
        where T : Operator =>
        Case<T>((g, n) => g.Apply(op, [.. Enumerable.Range(0, values).Select(_ => g.F(n)), .. Enumerable.Range(0, numbers).Select(_ => g.F(1))]));

    private static IEnumerable<OperatorCase> Steps() =>
    [
        Step(new SgdStep(), 2, 1),
        Step(new AdagradState(), 2, 0),
        Step(new AdagradStep(), 3, 1),
        Case<AdagradStep>((g, n) => g.Apply(new AdagradStep(RowWise: true), g.F(n, 5), g.F(n, 5), g.F(n, 1), g.F(1))),
        Case<AdagradStep>((g, n) => g.Apply(new AdagradStep(RowWise: true), g.F(3, n), g.F(3, n), g.F(3, 1), g.F(1))),
        Case<RowWiseAdagradState>((g, n) => g.Apply(new RowWiseAdagradState(), g.F(3, 1), g.F(3, n))),
        Case<RowWiseAdagradState>((g, n) => g.Apply(new RowWiseAdagradState(), g.F(n, 1), g.F(n, 5))),
        Step(new AdamMoment(IsSecond: false), 2, 2),
        Step(new AdamMoment(IsSecond: true), 2, 2),
        Step(new AdamStep(Decays: false), 3, 2),
        Step(new AdamStep(Decays: true), 3, 3),
        Step(new AdamDirection(Decays: false), 3, 1),
        Step(new AdamDirection(Decays: true), 3, 2),
        Step(new LambStep(), 2, 2),
        Step(new RmsPropMean(), 3, 2),
        Step(new RmsPropVelocity(), 4, 3),
        Step(new MomentumVelocity(), 2, 1),
        Step(new RunningStatistic(), 2, 2),
        Step(new ReciprocalDeviation(), 1, 1),
        Step(new DivideByCount(), 1, 1),
        Step(new ScaleByNumber(), 1, 1),
        Step(new ClipScale(), 0, 2),
        Step(new TrustRatio(), 0, 2),
        Case<RowSquareSum>((g, n) => g.Apply(new RowSquareSum(), g.F(3, n))),
        Case<RowSquareSum>((g, n) => g.Apply(new RowSquareSum(), g.F(n, 3, 2))),
        Case<ColumnSum>((g, n) => g.Apply(new ColumnSum(), g.F(n, 1))),
    ];

    /// <summary>Along rows and over samples.</summary>
    private static IEnumerable<OperatorCase> Rows() =>
    [
        .. OfSamples(new Softmax(), 1),
        .. OfSamples(new Softmax(0.125f), 2),
        Case<Softmax>((g, n) => g.Apply(new Softmax(0.125f), g.S(2, 3, 4, n), g.S(2, n))),
        .. OfSamples(new SoftmaxGradient(0.125f), 2),
        .. OfSamples(new LayerNorm(1e-5f), 1, columns: 2),
        .. OfSamples(new Normalize(1e-5f), 1),
        Case<LayerNormInputGradient>((g, n) => g.Apply(new LayerNormInputGradient(1e-5f), g.S(3, n), g.F(n), g.S(3, n))),
        Case<LayerNormInputGradient>((g, n) => g.Apply(new LayerNormInputGradient(1e-5f), g.S(n, 2, 5), g.F(5), g.S(n, 2, 5))),
        Case<CrossEntropy>((g, n) => g.Apply(new CrossEntropy(), g.S(3, n), g.Rows(-1, Math.Max(n, 1), 3, 1), g.S(3, 1))),
        Case<CrossEntropy>((g, n) => g.Apply(new CrossEntropy(), g.S(n, 2, 5), g.Rows(-1, 5, n, 2, 1), g.S(n, 2, 1))),
        Case<CrossEntropyGradient>((g, n) => g.Apply(new CrossEntropyGradient(), g.S(3, n), g.Rows(-1, Math.Max(n, 1), 3, 1), g.S(3, 1))),
        .. OfSamples(new SampleSum(), 1),
        .. OfSamples(new SampleProductSum(), 2),
        .. OfSamples(new BatchMean(), 1, numbers: 1),
        .. OfSamples(new BatchVariance(), 1, columns: 1, numbers: 1),
        .. OfSamples(new SquaredDeviationSum(), 1, columns: 1),
        .. OfSamples(new NormalizedProductSum(), 2, columns: 2),
        Case<Dropout>((g, n) => g.Apply(new Dropout(0.3f, 5, 2), g.S(3, n), g.Rows(0, 9, 3, 1))),
        Case<Dropout>((g, n) => g.Apply(new Dropout(0.3f, 5, 2, FirstElement: 7), g.S(n, 2, 5), g.Rows(0, 9, n, 1))),
        Case<RoundToBFloat16>((g, n) => g.Apply(new RoundToBFloat16(RoundingKind.Nearest, 1, 2), g.S(3, 2 * n))),
        Case<RoundToBFloat16>((g, n) => g.Apply(new RoundToBFloat16(RoundingKind.Stochastic, 1, 2), g.S(n, 6), g.Rows(0, 9, n, 1))),
        Case<WidenBFloat16>((g, n) => g.Apply(new WidenBFloat16(), g.Apply(new RoundToBFloat16(RoundingKind.Nearest, 1, 2), g.S(3, 2 * n)))),
        Case<BFloat16Weight>((g, n) => g.Apply(new Linear(), g.S(3, n), g.Apply(new BFloat16Weight(), g.Weight(4, n)))),
    ];

    private static IEnumerable<OperatorCase> Products() =>
    [
        Case<Linear>((g, n) => g.Apply(new Linear(), g.S(3, n), g.Weight(4, n))),
        Case<Linear>((g, n) => g.Apply(new Linear(), g.S(n, 5), g.Weight(4, 5))),
        Case<Linear>((g, n) => g.Apply(new Linear(), g.S(2, 3, 5), g.Weight(n, 5))),
        Case<LinearInputGradient>((g, n) => g.Apply(new LinearInputGradient(), g.S(3, n), g.Weight(n, 4))),
        Case<LinearInputGradient>((g, n) => g.Apply(new LinearInputGradient(), g.S(n, 3), g.Weight(3, 7))),
        Case<LinearWeightGradient>((g, n) => g.Apply(new LinearWeightGradient(), g.S(3, n), g.S(3, 4))),
        Case<LinearWeightGradient>((g, n) => g.Apply(new LinearWeightGradient(), g.S(n, 3), g.S(n, 17))),
        Case<LinearWeightGradient>((g, n) => g.Apply(new LinearWeightGradient(), g.S(2, 7, 3), g.S(2, 7, n))),
        Case<SampleMatMul>((g, n) => g.Apply(new SampleMatMul(3, n, 4, false, true), g.S(2, 12), g.S(2, 4 * n))),
        Case<SampleMatMul>((g, n) => g.Apply(new SampleMatMul(3, 5, n, false, false), g.S(2, 3 * n), g.S(2, 5 * n))),
        Case<SampleMatMul>((g, n) => g.Apply(new SampleMatMul(3, 5, 4, true, false), g.S(n, 12), g.S(n, 20))),
        Case<HeadMatMul>((g, n) => g.Apply(new HeadMatMul(2, HeadProduct.Scores), g.S(2, n, 6), g.S(2, n, 6))),
        Case<HeadMatMul>((g, n) => g.Apply(new HeadMatMul(2, HeadProduct.Scores), g.S(1, 5, 2 * n), g.S(1, 5, 2 * n))),
        Case<HeadMatMul>((g, n) => g.Apply(new HeadMatMul(2, HeadProduct.Context), g.S(2, 2, n, n), g.S(2, n, 6))),
        Case<HeadMatMul>((g, n) => g.Apply(new HeadMatMul(2, HeadProduct.ContextTransposed), g.S(1, 2, 5, 5), g.S(1, 5, 2 * n))),
        Case<EmbeddingBag>((g, n) => g.Apply(new EmbeddingBag(), g.Rows(0, 7, 3, 4), g.F(7, n))),
        Case<EmbeddingBag>((g, n) => g.Apply(new EmbeddingBag(), g.Rows(0, 7, 3, n), g.F(7, 5), g.S(3, n))),
        Case<EmbeddingBag>((g, n) => g.Apply(new EmbeddingBag(), g.Rows(0, 7, n, 3), g.F(7, 5))),
        Case<EmbeddingBagGradient>((g, n) => g.Apply(new EmbeddingBagGradient(7), g.Rows(0, 7, 3, 4), g.S(3, n))),
        Case<EmbeddingBagGradient>((g, n) => g.Apply(new EmbeddingBagGradient(7), g.Rows(0, 7, n, 3), g.S(n, 5), g.S(n, 3))),
        Case<TokenEmbedding>((g, n) => g.Apply(new TokenEmbedding(), g.Rows(0, 7, 2, n), g.F(7, 5))),
        Case<TokenEmbedding>((g, n) => g.Apply(new TokenEmbedding(), g.Rows(0, 7, 2, 3), g.F(7, n))),
        Case<TokenEmbeddingGradient>((g, n) => g.Apply(new TokenEmbeddingGradient(7), g.Rows(0, 7, 2, n), g.S(2, n, 5))),
        Case<TokenEmbeddingGradient>((g, n) => g.Apply(new TokenEmbeddingGradient(7), g.Rows(0, 7, n, 3), g.S(n, 3, 2))),
    ];

    private static IEnumerable<OperatorCase> Images()
    {
        foreach (ConvolutionWindow window in new[] { ConvolutionWindow.Same(3), ConvolutionWindow.Strided(2), new ConvolutionWindow(DilationWidth: 2, Left: 1) })
        {
            yield return Case<ImageConvolution>((g, n) => g.Apply(new ImageConvolution(window), g.S(1, 3, 5, n), g.Weight(2, 3, 3, n)));
            yield return Case<ImageConvolution>((g, n) => g.Apply(new ImageConvolution(window), g.S(1, 3, 5, 2), g.Weight(n, 3, 3, 2)));
            yield return Case<ImageFilterGradient>((g, n) => g.Apply(
                new ImageFilterGradient(window, 3, 3), g.Apply(new ImageConvolution(window), g.S(1, 4, 5, 2), g.Weight(3, 3, 3, 2)), g.S(1, 4, 5, 2)));
        }

        ConvolutionWindow same = ConvolutionWindow.Same(3);
        yield return Case<ImageConvolution>((g, n) => g.Apply(new ImageConvolution(same), g.S(1, 3, n, 2), g.Weight(3, 3, 3, 2)));
        yield return Case<ImageConvolution>((g, n) => g.Apply(new ImageConvolution(same, n), g.S(1, 3, 4, n), g.Weight(n, 3, 3, 1)));
        yield return Case<ImageConvolution>((g, n) => g.Apply(new ImageConvolution(same), g.S(n, 3, 3, 2), g.Weight(3, 3, 3, 2)));
        yield return Case<ImageConvolutionTransposed>((g, n) => g.Apply(new ImageConvolutionTransposed(same, 4, 5), g.S(1, 4, 5, n), g.Weight(n, 3, 3, 2)));
        yield return Case<ImageConvolutionTransposed>((g, n) => g.Apply(new ImageConvolutionTransposed(same, 4, 5), g.S(1, 4, 5, 2), g.Weight(2, 3, 3, n)));
        yield return Case<ImageConvolutionTransposed>((g, n) => g.Apply(new ImageConvolutionTransposed(ConvolutionWindow.Strided(2), 4, 2 * n), g.S(2, 2, n, 3), g.Weight(3, 2, 2, 4)));
        yield return Case<ImageFilterGradient>((g, n) => g.Apply(new ImageFilterGradient(same, 3, 3), g.S(1, 4, 5, n), g.S(1, 4, 5, 2)));
        yield return Case<ImageFilterGradient>((g, n) => g.Apply(new ImageFilterGradient(same, 3, 3), g.S(n, 3, 4, 2), g.S(n, 3, 4, 3)));
        yield return Case<ImageFilterGradient>((g, n) => g.Apply(new ImageFilterGradient(same, 3, 3, n), g.S(2, 3, 4, n), g.S(2, 3, 4, n)));

        var pool = new MaxPool(ConvolutionWindow.Strided(2), 2, 2);
        var overlapping = new MaxPool(new ConvolutionWindow(Top: 1, Left: 1), 3, 2);
        foreach (MaxPool op in new[] { pool, overlapping })
        {
            yield return Case<MaxPool>((g, n) => g.Apply(op, g.S(2, 4, 6, n)));
            yield return Case<MaxPool>((g, n) => g.Apply(op, g.S(1, 5, n + 1, 3)));
            yield return Case<MaxPoolGradient>((g, n) =>
            {
                ValueId x = g.S(2, 4, 6, n);
                return g.Apply(new MaxPoolGradient(op), g.Apply(op, x), x);
            });
        }

        foreach (Resample op in new[]
        {
            new Resample(ResampleKind.Nearest, 2), new Resample(ResampleKind.BilinearAligned, 2), new Resample(ResampleKind.Bilinear, 3),
            new Resample(ResampleKind.Mean, 2), new Resample(ResampleKind.Crop, 1, 1),
        })
        {
            yield return Case<Resample>((g, n) => g.Apply(op, g.S(1, 3, 3, n)));
            yield return Case<Resample>((g, n) => g.Apply(op, g.S(1, 2 + op.Last, n + 2, 1)));
            yield return Case<ResampleGradient>((g, n) => g.Apply(new ResampleGradient(op, 3, 3), g.Apply(op, g.S(1, 3, 3, n))));
            yield return Case<ResampleGradient>((g, n) => g.Apply(new ResampleGradient(op, 2 + op.Last, n + 2), g.Apply(op, g.S(1, 2 + op.Last, n + 2, 1))));
        }
    }

    private static IEnumerable<OperatorCase> Layouts()
    {
        yield return Case<ColumnMap>((g, n) => g.Apply(new ColumnMap(EquatableArray.Create<int>([-1, .. Enumerable.Range(0, n).Reverse()])), g.S(3, n)));
        yield return Case<ColumnMap>((g, n) => g.Apply(new ColumnMap([1, -1, 3]), g.S(n, 5)));
        yield return Case<Concat>((g, n) => g.Apply(new Concat(), g.S(3, n), g.S(3, 4), g.S(3, n)));
        yield return Case<Concat>((g, n) => g.Apply(new Concat(), g.S(n, 5), g.S(n, 1)));
        yield return Case<FirstRow>((g, n) => g.Apply(new FirstRow(), g.S(3, 4, n)));
        yield return Case<FirstRow>((g, n) => g.Apply(new FirstRow(), g.S(n, 2, 5)));
        yield return Case<FirstRowGradient>((g, n) => g.Apply(new FirstRowGradient(4), g.S(3, n)));
        yield return Case<FirstRowGradient>((g, n) => g.Apply(new FirstRowGradient(4), g.S(n, 5)));
        yield return Case<GatherRows>((g, n) => g.Apply(new GatherRows(), g.S(3, 4, n), g.Rows(0, 4, 3, 5)));
        yield return Case<GatherRows>((g, n) => g.Apply(new GatherRows(), g.S(2, 4, 3), g.Rows(0, 4, 2, n)));
        yield return Case<ScatterRows>((g, n) => g.Apply(new ScatterRows(4), g.S(3, 5, n), g.Rows(0, 4, 3, 5)));
        yield return Case<ScatterRows>((g, n) => g.Apply(new ScatterRows(4), g.S(2, n, 3), g.Rows(0, 4, 2, n)));
        yield return Case<SampleReshape>((g, n) => g.Apply(new SampleReshape([n, 2]), g.S(3, 2, n)));
        yield return Case<SampleView>((g, n) => g.Apply(new SampleView(HasSamples: true), g.F(n, 5)));
        yield return Case<SampleView>((g, n) => g.Apply(new SampleView(HasSamples: false), g.S(3, n)));
        yield return Case<TransposeRows>((g, n) => g.Apply(new TransposeRows(), g.S(3, 4, n)));
        yield return Case<TransposeRows>((g, n) => g.Apply(new TransposeRows(), g.S(2, n, 5)));
    }
}
