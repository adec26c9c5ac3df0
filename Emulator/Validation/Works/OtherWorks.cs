using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Emulator.Validation.Works;

/// <summary>One product C[M, N] = A[M, K] · B[K, N], the second operand a weight.</summary>
internal static class GemmWork
{
    /// <param name="m">Rows, cut into pieces like the samples of a batch.</param>
    public static MachineGraph Build(int m, int n, int k)
    {
        var work = new WorkBuilder(1, m);
        int a = work.Input("a", (long)m * k);
        work.Output(work.Linear("gemm", a, k, n, work.Weight("b", (long)n * k)));
        return work.Build();
    }
}

/// <summary>
/// One training step of a UNet (Ronneberger, Fischer and Brox, MICCAI 2015) with as many first features as said: four levels down, the
/// bottom, four levels up, two 3 x 3 convolutions with batch normalisation and ReLU in each. Products of a convolution run over
/// (kh, kw, c).
/// </summary>
internal static class UnetWork
{
    private const int Taps = 9;
    private const int Levels = 4;

    private sealed record Convolution(string Name, int Input, int Sum, int Output, long Rows, long In, long Out, int Weight);

    public static MachineGraph Build(int batch, int size, int channels, int features, int classes)
    {
        var work = new WorkBuilder(batch, size * size);
        long rows = work.Rows;
        var done = new List<Convolution>();
        int x = work.Input("image", rows * channels);
        long width = channels;
        var skips = new List<(int Tensor, long Width)>();
        for (int level = 0; level <= Levels; level++)
        {
            long next = (long)features << level;
            x = Pair(work, done, $"down{level}", x, rows, width, next);
            width = next;
            if (level < Levels)
            {
                skips.Add((x, width));
                rows /= 4;
                x = work.Reduce($"pool{level}", "MaxPool", rows * 4 * width, 2, [x], rows * width);
            }
        }

        for (int level = Levels - 1; level >= 0; level--)
        {
            rows *= 4;
            long next = (long)features << level;
            x = Convolve(work, done, $"up{level}.transpose", x, rows, width, next, taps: 1);
            int joined = work.Map($"up{level}.join", "Concat", rows * 2 * next, 1, [x, skips[level].Tensor]);
            x = Pair(work, done, $"up{level}", joined, rows, 2 * next, next);
            width = next;
        }

        x = Convolve(work, done, "head", x, rows, width, classes, taps: 1);
        work.Output(work.Reduce("loss", "CrossEntropy", rows * classes, 5, [x], rows));
        work.Phase = Phase.Backward;
        int d = work.Map("loss.d", "CrossEntropyGradient", rows * classes, 3, [x]);
        for (int i = done.Count - 1; i >= 0; i--)
        {
            Convolution c = done[i];
            long taps = c.Name.EndsWith("transpose", StringComparison.Ordinal) || c.Name == "head" ? 1 : Taps;
            int dSum = work.Reduce($"{c.Name}.norm.d", "NormGradient", c.Rows * c.Out, 6, [d, c.Sum], c.Rows * c.Out);
            d = work.LinearGradient(c.Name, dSum, c.Input, taps * c.In, c.Out, c.Weight, ofInput: false, c.Rows);
            if (i > 0)
            {
                d = work.Linear($"{c.Name}.dx", dSum, taps * c.Out, c.In, c.Weight, c.Rows);
            }
        }

        work.Updates();
        return work.Build();
    }

    private static int Pair(WorkBuilder work, List<Convolution> done, string name, int x, long rows, long width, long next)
    {
        int first = Convolve(work, done, $"{name}.a", x, rows, width, next, Taps);
        return Convolve(work, done, $"{name}.b", first, rows, next, next, Taps);
    }

    private static int Convolve(WorkBuilder work, List<Convolution> done, string name, int x, long rows, long width, long next, int taps)
    {
        int weight = work.Weight($"{name}.w", taps * width * next);
        int sum = work.Linear(name, x, taps * width, next, weight, rows);
        int output = name == "head" ? sum : work.Reduce($"{name}.norm", "BatchNorm+Relu", rows * next, 4, [sum], rows * next);
        done.Add(new Convolution(name, x, sum, output, rows, width, next, weight));
        return output;
    }
}

/// <summary>One training step of a DLRM with equal tables: bottom network 512-256-width, dot interaction, top network 512-256-1.</summary>
internal static class DlrmWork
{
    public static MachineGraph Build(int batch, int tables, int tableRows, int width, int dense)
    {
        var work = new WorkBuilder(batch, 1);
        long rows = work.Rows;
        var layers = new List<(string Name, int Input, long In, long Out, int Weight)>();
        int Layer(string name, int x, long n, long k)
        {
            int weight = work.Weight($"{name}.w", n * k);
            layers.Add((name, x, k, n, weight));
            return work.Map($"{name}.relu", "AddBias+Relu", rows * n, 2, [work.Linear(name, x, k, n, weight)]);
        }

        int x = work.Input("dense", rows * dense);
        x = Layer("bottom0", x, 512, dense);
        x = Layer("bottom1", x, 256, 512);
        x = Layer("bottom2", x, width, 256);
        var vectors = new List<int> { x };
        for (int table = 0; table < tables; table++)
        {
            vectors.Add(work.Gather($"table{table}", work.Input($"indices{table}", rows, 4), work.Weight($"table{table}.w", (long)tableRows * width), rows, width));
        }

        long count = tables + 1;
        int joined = work.Map("join", "Concat", rows * count * width, 1, [.. vectors]);
        int pairs = work.Product("interaction", new GemmShape(rows, count, count, width), joined, joined);
        int features = work.Map("features", "Concat", rows * (width + (count * (count - 1) / 2)), 1, [pairs, x]);
        long k = width + (count * (count - 1) / 2);
        int y = Layer("top0", features, 512, k);
        y = Layer("top1", y, 256, 512);
        y = Layer("top2", y, 1, 256);
        work.Output(work.Reduce("loss", "Loss", rows, 4, [y], rows));
        work.Phase = Phase.Backward;
        int d = work.Map("loss.d", "LossGradient", rows, 3, [y]);
        for (int i = layers.Count - 1; i >= 0; i--)
        {
            (string name, int input, long inWidth, long outWidth, int weight) = layers[i];
            d = work.LinearGradient(name, work.Map($"{name}.relu.d", "ReluGradient", rows * outWidth, 1, [d]), input, inWidth, outWidth, weight, ofInput: i > 0);
            if (i == 3)
            {
                int dJoined = work.Product("interaction.d", new GemmShape(rows, count, width, count), d, joined);
                for (int table = 0; table < tables; table++)
                {
                    work.Output(work.Scatter($"table{table}.d", dJoined, rows, width));
                }

                d = work.Map("interaction.dx", "Slice", rows * width, 1, [dJoined]);
            }
        }

        work.Updates();
        return work.Build();
    }
}
