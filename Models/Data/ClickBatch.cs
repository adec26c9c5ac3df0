using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Models.Data;

/// <summary>Click samples in the layout that a DLRM takes.</summary>
public sealed class ClickBatch : Batch
{
    /// <summary>Integers [samples, 1], the number of each sample in the training: what stochastic rounding counts by.</summary>
    public const string NumberField = "number";

    private readonly int[] _numbers;

    public ClickBatch(ClickSchema schema, int capacitySamples)
        : base(capacitySamples, FieldsOf(schema, capacitySamples))
    {
        Schema = schema;
        Dense = this["dense"].Floats;
        Targets = this["target"].Floats;
        BestScores = this["best"].Floats;
        _numbers = this[NumberField].Integers;
        Indices = [.. schema.TableRows.Select((_, table) => this[$"indices.{table}"].Integers)];
    }

    public ClickSchema Schema { get; }

    /// <summary>[samples, dense features], row-major.</summary>
    public float[] Dense { get; }

    /// <summary>For each table [samples, hotness]; -1 where a sample has fewer categories.</summary>
    public int[][] Indices { get; }

    /// <summary>[samples]: 1 for a click, 0 for none.</summary>
    public float[] Targets { get; }

    /// <summary>[samples]: what the best model possible would answer, where the source knows it, else 0.</summary>
    public float[] BestScores { get; }

    /// <summary>True if the source knows them.</summary>
    public bool HasBestScores { get; init; }

    /// <summary>Every index names a row of its table or is -1, and every number is finite.</summary>
    /// <param name="where">The source, for the message.</param>
    /// <param name="firstSample">Number of the first sample, for the message.</param>
    /// <exception cref="RduException">RDU0105: an index outside its table. RDU0106: a number that is not finite.</exception>
    public void Check(string where, long firstSample)
    {
        for (int table = 0; table < Indices.Length; table++)
        {
            int hotness = Schema.TableHotness[table];
            for (int i = 0; i < CountSamples * hotness; i++)
            {
                int index = Indices[table][i];
                if (index < -1 || index >= Schema.TableRows[table])
                {
                    throw new RduException(
                        ErrorCatalogue.IndexOutsideTable, $"{where}, sample {firstSample + i / hotness}, table {table}",
                        $"below {Schema.TableRows[table]}", $"{index}", "correct the index, or choose a preset with larger tables");
                }
            }
        }

        for (int i = 0; i < CountSamples * Schema.DenseFeatures; i++)
        {
            if (!float.IsFinite(Dense[i]))
            {
                throw new RduException(
                    ErrorCatalogue.NotFinite, $"{where}, sample {firstSample + i / Schema.DenseFeatures}, dense feature {i % Schema.DenseFeatures}",
                    "a finite number", $"{Dense[i]}", "correct the value, or leave it empty");
            }
        }
    }

    public override void NumberFrom(long first)
    {
        for (int i = 0; i < _numbers.Length; i++)
        {
            _numbers[i] = (int)(first + i);
        }
    }

    private static BatchField[] FieldsOf(ClickSchema schema, int samples) =>
    [
        new BatchField("dense", TensorType.Samples(samples, schema.DenseFeatures)),
        new BatchField("target", TensorType.Samples(samples, 1)),
        .. schema.TableHotness.Select((hotness, table) =>
            new BatchField($"indices.{table}", TensorType.Samples(samples, hotness) with { Element = ElementType.Int32 }, padding: -1)),
        new BatchField("best", TensorType.Samples(samples, 1), isData: false),
        new BatchField(NumberField, TensorType.Samples(samples, 1) with { Element = ElementType.Int32 }, isData: false),
    ];
}
