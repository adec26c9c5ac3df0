using System.Collections.Immutable;
using System.Text.Json;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Dlrm;

namespace RduEmu.Models.Data;

/// <summary>
/// A complete training example of a small DLRM in JSON: first values of all parameters (<c>bottom_mlp</c>, <c>top_mlp</c> with
/// <c>weight</c> and <c>bias</c>, <c>embedding_tables</c>), <c>optimizer</c> (<c>kind</c>: sgd, <c>lr</c>), and <c>batches</c>
/// with <c>dense</c>, <c>indices_per_table_per_sample</c> and <c>target</c>. Each batch is one step.
/// </summary>
public sealed class TrainingExample : IClickSource
{
    private readonly ImmutableArray<Batch> _batches;
    private readonly Dictionary<string, float[]> _parameters = [];
    private int _next;

    /// <exception cref="RduException">RDU0101: no such file. RDU0104: a field is missing or no number. RDU0105, RDU0106: a batch has an index outside its table or a number that is not finite.</exception>
    public TrainingExample(string path, DlrmConfiguration configuration)
    {
        Name = path;
        Schema = configuration.Schema;
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement top = document.RootElement;
            LearningRate = top.GetProperty("optimizer").GetProperty("lr").GetSingle();
            ReadNetwork(top, "bottom");
            ReadNetwork(top, "top");
            for (int table = 0; table < Schema.Tables; table++)
            {
                _parameters[$"table.{table}"] = [.. Flatten(top.GetProperty("embedding_tables")[table])];
            }

            _batches = [.. top.GetProperty("batches").EnumerateArray().Select(Batch.Read)];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a readable file", error.Message, "correct the path");
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentOutOfRangeException or IndexOutOfRangeException)
        {
            throw new RduException(ErrorCatalogue.FieldMalformed, path, "a training example in JSON", error.Message, "compare it with the documented fields");
        }
    }

    public float LearningRate { get; }

    public int CountBatches => _batches.Length;

    public int BatchSamples => _batches.IsEmpty ? 1 : _batches.Max(batch => batch.Targets.Length);

    public string Name { get; }

    public ClickSchema Schema { get; }

    public bool KnowsBestScores => false;

    /// <summary>The first values of a parameter, or null if the example does not have it.</summary>
    /// <exception cref="RduException">RDU0103: it has another number of elements.</exception>
    public float[]? Parameter(string name, long countElements)
    {
        if (!_parameters.TryGetValue(name, out float[]? elements))
        {
            return null;
        }

        return elements.Length == countElements
            ? elements
            : throw new RduException(ErrorCatalogue.RowMalformed, $"{Name}, {name}", $"{countElements} numbers", $"{elements.Length}", "use the preset that the example is of");
    }

    public void Read(ClickBatch batch)
    {
        batch.CountSamples = 0;
        if (_next == _batches.Length)
        {
            return;
        }

        _batches[_next].CopyTo(batch, $"{Name}, batch {_next}");
        batch.Check($"{Name}, batch {_next}", 0);
        _next++;
    }

    public void Rewind(int epoch) => _next = 0;

    public void Dispose()
    {
    }

    private void ReadNetwork(JsonElement top, string network)
    {
        int layer = 0;
        foreach (JsonElement element in top.GetProperty($"{network}_mlp").EnumerateArray())
        {
            _parameters[$"{network}.{layer}.weight"] = [.. Flatten(element.GetProperty("weight"))];
            _parameters[$"{network}.{layer}.bias"] = [.. Flatten(element.GetProperty("bias"))];
            layer++;
        }
    }

    private static IEnumerable<float> Flatten(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Flatten),
        JsonValueKind.String => [float.Parse(element.GetString()!, System.Globalization.CultureInfo.InvariantCulture)],
        _ => [element.GetSingle()],
    };

    private sealed record Batch(float[] Dense, int[][][] Indices, float[] Targets)
    {
        public static Batch Read(JsonElement element) => new(
            [.. Flatten(element.GetProperty("dense"))],
            [
                .. element.GetProperty("indices_per_table_per_sample").EnumerateArray().Select(table =>
                    table.EnumerateArray().Select(bag => bag.EnumerateArray().Select(index => index.GetInt32()).ToArray()).ToArray()),
            ],
            [.. Flatten(element.GetProperty("target"))]);

        public void CopyTo(ClickBatch batch, string where)
        {
            ClickSchema schema = batch.Schema;
            batch.CountSamples = Targets.Length;
            Require(Targets.Length <= batch.CapacitySamples, where, $"at most {batch.CapacitySamples} targets", Targets.Length);
            Require(Dense.Length == Targets.Length * schema.DenseFeatures, $"{where}, dense", $"{Targets.Length * schema.DenseFeatures} numbers", Dense.Length);
            Require(Indices.Length == schema.Tables, $"{where}, indices_per_table_per_sample", $"{schema.Tables} tables", Indices.Length);
            Targets.CopyTo(batch.Targets, 0);
            Dense.CopyTo(batch.Dense, 0);
            for (int table = 0; table < Indices.Length; table++)
            {
                Require(Indices[table].Length == Targets.Length, $"{where}, table {table}", $"{Targets.Length} bags", Indices[table].Length);
                int hotness = schema.TableHotness[table];
                batch.Indices[table].AsSpan().Fill(-1);
                for (int sample = 0; sample < Targets.Length; sample++)
                {
                    int[] bag = Indices[table][sample];
                    Require(bag.Length <= hotness, $"{where}, table {table}, sample {sample}", $"at most {hotness} indices", bag.Length);
                    bag.CopyTo(batch.Indices[table], sample * hotness);
                }
            }
        }

        private static void Require(bool holds, string where, string expected, int got)
        {
            if (!holds)
            {
                throw new RduException(ErrorCatalogue.RowMalformed, where, expected, $"{got}", "use the preset that the example is of");
            }
        }
    }
}
