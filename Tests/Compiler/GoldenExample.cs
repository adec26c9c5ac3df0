using System.Collections.Immutable;
using System.Text.Json;
using RduEmu.Models.Dlrm;

namespace RduEmu.Tests.Compiler;

/// <summary>The training example that the reference implementation prints, computed in float64: SGD steps of the tiny preset.</summary>
internal static class GoldenExample
{
    public static double[] PublishedLosses(string path)
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllBytes(path));
        return [.. Flatten(golden.RootElement.GetProperty("expected_losses_printed"))];
    }

    /// <summary>The loss of each step, and all parameters after the last.</summary>
    public static (double[] Losses, IReadOnlyDictionary<string, double[]> Parameters) Train(string path)
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllBytes(path));
        JsonElement top = golden.RootElement;
        DlrmGraph model = DlrmGraph.BuildGradients(DlrmPresets.Tiny, batchSamples: 2);
        var given = new Dictionary<string, double[]>();
        foreach (string network in new[] { "bottom", "top" })
        {
            int layer = 0;
            foreach (JsonElement element in top.GetProperty($"{network}_mlp").EnumerateArray())
            {
                given[$"{network}.{layer}.weight"] = [.. Flatten(element.GetProperty("weight"))];
                given[$"{network}.{layer}.bias"] = [.. Flatten(element.GetProperty("bias"))];
                layer++;
            }
        }

        for (int i = 0; i < 3; i++)
        {
            given[$"table.{i}"] = [.. Flatten(top.GetProperty("embedding_tables")[i])];
        }

        double rate = top.GetProperty("optimizer").GetProperty("lr").GetDouble();
        var losses = new List<double>();
        foreach (JsonElement batch in top.GetProperty("batches").EnumerateArray())
        {
            given["dense"] = [.. Flatten(batch.GetProperty("dense"))];
            given["target"] = [.. Flatten(batch.GetProperty("target"))];
            for (int i = 0; i < 3; i++)
            {
                given[$"indices.{i}"] = Padded(batch.GetProperty("indices_per_table_per_sample")[i], DlrmPresets.Tiny.Hotness);
            }

            double[][] values = DoubleEvaluator.Evaluate(model.Graph, given);
            losses.Add(values[model.Graph.Outputs[1].Index].Average());
            for (int p = 0; p < model.Parameters.Length; p++)
            {
                double[] gradient = values[model.Graph.Outputs[2 + p].Index];
                double[] elements = given[model.Graph[model.Parameters[p]].Name];
                for (int i = 0; i < elements.Length; i++)
                {
                    elements[i] -= rate * gradient[i];
                }
            }
        }

        return ([.. losses], model.Parameters.Select(id => model.Graph[id].Name).ToDictionary(name => name, name => given[name]));
    }

    private static IEnumerable<double> Flatten(JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray().SelectMany(Flatten) : [element.GetDouble()];

    private static double[] Padded(JsonElement bags, int hotness)
    {
        ImmutableArray<double[]> rows = [.. bags.EnumerateArray().Select(bag => Flatten(bag).ToArray())];
        var padded = new double[rows.Length * hotness];
        Array.Fill(padded, -1);
        for (int b = 0; b < rows.Length; b++)
        {
            rows[b].CopyTo(padded, b * hotness);
        }

        return padded;
    }
}
