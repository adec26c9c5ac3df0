using RduEmu.Compiler.Graphs;
using RduEmu.Models.Unet;

namespace RduEmu.Tests.Unet;

/// <summary>UNets small enough for finite differences and the simulator.</summary>
internal static class SmallUnet
{
    public const int Batch = 3;
    public const int Extent = 16;

    /// <summary>Every way of going up, with and without normalisation; dropout off, because it is no function of the weights alone.</summary>
    public static IEnumerable<UnetConfiguration> Configurations =>
    [
        UnetPresets.Sn10 with { Name = "sn10", Features = 2, Channels = 1 },
        UnetPresets.Keras with { Name = "keras", Features = 2, DropoutRate = 0f },
        UnetPresets.Milesial with { Name = "milesial", Features = 2 },
        UnetPresets.MilesialBilinear with { Name = "bilinear", Features = 2, Classes = 1, Loss = SegmentationLoss.Focal },
    ];

    /// <summary>Inputs and parameters by name; integers are labels of two classes, or numbers of samples.</summary>
    public static Dictionary<string, float[]> Given(Graph graph)
    {
        var random = new Random(11);
        var given = new Dictionary<string, float[]>();
        foreach (Value value in graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
        {
            given.Add(value.Name, [.. Enumerable.Range(0, (int)value.Type.CountElements).Select(i => Draw(random, value, i))]);
        }

        return given;
    }

    public static Dictionary<string, double[]> InDouble(Dictionary<string, float[]> given) =>
        given.ToDictionary(pair => pair.Key, pair => pair.Value.Select(x => (double)x).ToArray());

    private static float Draw(Random random, Value value, int element) => value.Name switch
    {
        UnetGraph.LabelField or UnetGraph.TargetField => random.Next(2),
        UnetGraph.NumberField => element,
        "rate" => 0.01f,
        "epsilon" => 1e-4f,
        _ when value.Name.EndsWith(".running_var", StringComparison.Ordinal) => 0.5f + random.NextSingle(),
        _ when value.Name.EndsWith(".m", StringComparison.Ordinal) || value.Name.EndsWith(".velocity", StringComparison.Ordinal) => 0f,
        _ when value.Name.EndsWith(".v", StringComparison.Ordinal) => 0f,
        _ when value.Name.Contains("norm", StringComparison.Ordinal) && value.Name.EndsWith(".weight", StringComparison.Ordinal) => 0.75f + 0.5f * random.NextSingle(),
        _ when value.Type.Rank == 4 && !value.Type.HasSamples => (random.NextSingle() - 0.5f) * 2f * MathF.Sqrt(6f / (value.Type.Shape[1] * value.Type.Shape[2] * value.Type.Shape[3])),
        _ when value.Type.HasSamples => random.NextSingle(),
        _ => (random.NextSingle() - 0.5f) * 0.2f,
    };
}
