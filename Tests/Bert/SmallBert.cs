using RduEmu.Compiler.Graphs;
using RduEmu.Models.Bert;

namespace RduEmu.Tests.Bert;

/// <summary>A BERT small enough for finite differences, with inputs of awkward sizes.</summary>
internal static class SmallBert
{
    public const int Batch = 3;
    public const int Tokens = 7;

    /// <summary>Wide steps of epsilon keep finite differences away from rows of no variance.</summary>
    public static BertConfiguration Configuration { get; } = new("small test", Layers: 2, Hidden: 6, Heads: 2, Intermediate: 10)
    {
        Positions = 9,
        Vocabulary = 19,
        Epsilon = 1e-3f,
        InitialDeviation = 0.5f,
    };

    /// <summary>All inputs and parameters of the graph by name; parameters as they begin, with noise where they are constant.</summary>
    public static Dictionary<string, float[]> Given(Graph graph, int seed = 1)
    {
        var random = new Random(seed);
        var given = new Dictionary<string, float[]>();
        foreach (Value value in graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
        {
            int count = (int)value.Type.CountElements;
            float[] Draw(Func<int, float> element) => [.. Enumerable.Range(0, count).Select(element)];
            given.Add(value.Name, value.Name switch
            {
                BertGraph.TokenIds => Draw(_ => random.Next(Configuration.Vocabulary)),
                BertGraph.PositionIds => Draw(i => i % value.Type.Shape[1]),
                BertGraph.TypeIds => Draw(i => i % value.Type.Shape[1] / 4),
                BertGraph.AttentionMask => Draw(i => i % value.Type.Shape[1] >= value.Type.Shape[1] - i / value.Type.Shape[1] ? BertGraph.Masked : 0f),
                BertGraph.MaskedPositions => Draw(_ => random.Next(Tokens)),
                BertGraph.MaskedLabels => Draw(i => i == 1 ? -1 : random.Next(Configuration.Vocabulary)),
                BertGraph.ClassLabels => Draw(_ => random.Next(2)),
                BertGraph.SpanLabels => Draw(_ => random.Next(Tokens)),
                BertGraph.SampleNumbers => Draw(i => 40 + i),
                "rate" => [0.01f],
                _ when value.Role == ValueRole.Input => Draw(_ => 0.1f + random.NextSingle()),
                _ when value.Name.EndsWith(".m", StringComparison.Ordinal) || value.Name.EndsWith(".v", StringComparison.Ordinal) => new float[count],
                _ when value.Name.Contains("LayerNorm.weight", StringComparison.Ordinal) => Draw(_ => 0.5f + random.NextSingle()),
                _ => Draw(_ => random.NextSingle() - 0.5f),
            });
        }

        return given;
    }

    public static Dictionary<string, double[]> InDouble(IReadOnlyDictionary<string, float[]> given) =>
        given.ToDictionary(pair => pair.Key, pair => Array.ConvertAll(pair.Value, x => (double)x));
}
