using RduEmu.Compiler.Graphs;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Checkpoints;
using RduEmu.Emulator.Training.Sharded;
using RduEmu.Models.Bert;
using RduEmu.Models.Bert.Data;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Experiments;

/// <summary>How the RDUs of a node share a training.</summary>
/// <param name="Name">As the command line has it.</param>
/// <param name="Title">For people.</param>
/// <param name="Split">Makes the split anew for each training.</param>
public sealed record DriftWay(string Name, string Title, Func<int, BatchSplit> Split)
{
    public static IReadOnlyList<DriftWay> All { get; } =
    [
        new("arrival", "data parallel, sums as they arrive", sockets => new BatchSplit(sockets) { Arrival = new ArrivalSums() }),
        new("rdu-order", "data parallel, RDU order", sockets => new BatchSplit(sockets)),
        new("model-parallel", "model parallel (tensor)", sockets => new BatchSplit(sockets, Kind: ParallelKind.Tensor)),
    ];
}

/// <summary>How far repetitions of one training are from its first run.</summary>
/// <param name="Way">How it was shared.</param>
/// <param name="Results">Different digests of all weights, of so many trainings.</param>
/// <param name="DriftedWords">Words whose embedding is not the same in all.</param>
/// <param name="MeanNorm">Euclidean norm of the difference from the first run, the mean over words and repetitions.</param>
/// <param name="LargestNorm">The largest.</param>
/// <param name="MeanAngle">1 - cosine with the first run's embedding, the mean over words and repetitions.</param>
/// <param name="Norms">For each word, the most frequent first, the largest norm over the repetitions.</param>
public sealed record DriftResult(string Way, int Results, int DriftedWords, double MeanNorm, double LargestNorm, double MeanAngle, IReadOnlyList<double> Norms);

/// <summary>One BERT, trained several times from the same first values on the same text: what becomes of its most frequent words?</summary>
/// <param name="model">The model.</param>
/// <param name="open">Opens its text.</param>
/// <param name="seed">Of the first values.</param>
/// <param name="weights">A safetensors file with first values, or null to draw them.</param>
public sealed class Drift(IModel model, Func<IModelData> open, int seed, string? weights)
{
    /// <summary>Batches in which words are counted.</summary>
    private const int CountedBatches = 64;

    /// <summary>The most frequent words of the training text, special pieces not among them.</summary>
    /// <param name="batchSamples">Sequences of a batch.</param>
    /// <param name="words">How many, at most.</param>
    public IReadOnlyList<int> FrequentWords(int batchSamples, int words)
    {
        using IModelData data = open();
        Batch batch = data.Training.CreateBatch(batchSamples);
        data.Training.Rewind(0);
        var counts = new Dictionary<int, int>();
        for (int i = 0; i < CountedBatches; i++)
        {
            data.Training.Read(batch);
            foreach (int piece in batch[BertGraph.TokenIds].Integers)
            {
                counts[piece] = counts.GetValueOrDefault(piece) + 1;
            }
        }

        SpecialPieces special = SpecialPieces.Default(counts.Keys.Max() + 1);
        int[] left = [special.Padding, special.Classification, special.Separator, special.Mask];
        return [.. counts.Where(pair => !left.Contains(pair.Key)).OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key).Select(pair => pair.Key).Take(words)];
    }

    /// <summary>Trains several times over.</summary>
    /// <param name="way">How the RDUs share it.</param>
    /// <param name="sockets">How many there are.</param>
    /// <param name="target">Where it runs.</param>
    /// <param name="course">How long.</param>
    /// <param name="words">Whose embeddings are compared.</param>
    /// <param name="repetitions">Trainings, at least 2.</param>
    /// <param name="report">Told how many trainings are done.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0201: the batch cannot be cut so. RDU0131, RDU0132: the weights cannot be used.</exception>
    public DriftResult Run(
        DriftWay way, int sockets, ExecutionTarget target, TrainingCourse course, IReadOnlyList<int> words, int repetitions, Action<int> report, CancellationToken cancellation)
    {
        var digests = new HashSet<string>();
        float[][] first = [];
        var norms = new double[words.Count];
        double sum = 0;
        double angles = 0;
        for (int repetition = 0; repetition < repetitions; repetition++)
        {
            (string digest, float[][] embeddings) = Train(way, sockets, target, course, words, cancellation);
            digests.Add(digest);
            first = repetition == 0 ? embeddings : first;
            for (int word = 0; repetition > 0 && word < words.Count; word++)
            {
                double norm = Distance(first[word], embeddings[word]);
                norms[word] = Math.Max(norms[word], norm);
                sum += norm;
                angles += Angle(first[word], embeddings[word]);
            }

            report(repetition + 1);
        }

        int count = words.Count * (repetitions - 1);
        return new DriftResult(way.Title, digests.Count, norms.Count(norm => norm > 0), sum / count, norms.Max(), angles / count, norms);
    }

    private (string Digest, float[][] Embeddings) Train(
        DriftWay way, int sockets, ExecutionTarget target, TrainingCourse course, IReadOnlyList<int> words, CancellationToken cancellation)
    {
        using IModelData data = open();
        using var session = new ModelSession(model, target, new SessionPurpose(course.BatchSamples), way.Split(sockets));
        session.Initialize(seed, data.FirstValues);
        if (weights is not null)
        {
            WeightFile.Load(session, weights, begins: true);
        }

        new Trainer(session).Train(data.Training, course, new TrainingWatch(), cancellation);
        ValueId table = session.Parameters.First(id => session.Graph[id].Name == BertParameters.WordEmbeddings);
        int width = session.Graph[table].Type.LastExtent;
        float[] all = session.ReadParameter(table);
        return (session.WeightDigests().All, [.. words.Select(word => all.AsSpan(word * width, width).ToArray())]);
    }

    private static double Distance(float[] a, float[] b) => Math.Sqrt(a.Zip(b).Sum(pair => ((double)pair.First - pair.Second) * ((double)pair.First - pair.Second)));

    /// <summary>1 - cos(a, b) as half the square of the distance of the two directions: nothing cancels where they are close.</summary>
    private static double Angle(float[] a, float[] b)
    {
        if (a.AsSpan().SequenceEqual(b))
        {
            return 0;
        }

        double left = Math.Sqrt(a.Sum(x => (double)x * x));
        double right = Math.Sqrt(b.Sum(x => (double)x * x));
        return a.Zip(b).Sum(pair => (pair.First / left - pair.Second / right) * (pair.First / left - pair.Second / right)) / 2;
    }
}
