using RduEmu.Kernels.Errors;

namespace RduEmu.Models.Data;

/// <summary>Click samples in the layout that a DLRM takes; made once and filled again and again.</summary>
public sealed class ClickBatch
{
    public ClickBatch(ClickSchema schema, int capacitySamples)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacitySamples, 1);
        Schema = schema;
        CapacitySamples = capacitySamples;
        Dense = new float[checked(capacitySamples * schema.DenseFeatures)];
        Targets = new float[capacitySamples];
        BestScores = new float[capacitySamples];
        Indices = new int[schema.Tables][];
        for (int table = 0; table < Indices.Length; table++)
        {
            Indices[table] = new int[checked(capacitySamples * schema.TableHotness[table])];
        }
    }

    public ClickSchema Schema { get; }

    public int CapacitySamples { get; }

    /// <summary>Samples that the last read filled in.</summary>
    public int CountSamples { get; set; }

    /// <summary>[samples, dense features], row-major.</summary>
    public float[] Dense { get; }

    /// <summary>For each table [samples, hotness]; -1 where a sample has fewer categories.</summary>
    public int[][] Indices { get; }

    /// <summary>[samples]: 1 for a click, 0 for none.</summary>
    public float[] Targets { get; }

    /// <summary>[samples]: what the best model possible would answer, where the source knows it, else 0.</summary>
    public float[] BestScores { get; }

    /// <summary>As many samples of another batch, from one on, as there are and as fit.</summary>
    public void CopyFrom(ClickBatch other, int firstSample)
    {
        CountSamples = 0;
        Append(other, firstSample);
    }

    /// <summary>Appends samples of another batch, from one on, as many as there are and as fit.</summary>
    public void Append(ClickBatch other, int firstSample = 0)
    {
        int count = Math.Min(other.CountSamples - firstSample, CapacitySamples - CountSamples);
        Copy(other.Dense, Dense, Schema.DenseFeatures);
        Copy(other.Targets, Targets, 1);
        Copy(other.BestScores, BestScores, 1);
        for (int table = 0; table < Indices.Length; table++)
        {
            Copy(other.Indices[table], Indices[table], Schema.TableHotness[table]);
        }

        CountSamples += count;

        void Copy<T>(T[] from, T[] to, int width) =>
            from.AsSpan(firstSample * width, count * width).CopyTo(to.AsSpan(CountSamples * width));
    }

    /// <summary>Makes what lies behind the last sample harmless: a short batch runs as a whole one, and its tail is ignored.</summary>
    public void ClearTail()
    {
        Dense.AsSpan(CountSamples * Schema.DenseFeatures).Clear();
        Targets.AsSpan(CountSamples).Clear();
        BestScores.AsSpan(CountSamples).Clear();
        for (int table = 0; table < Indices.Length; table++)
        {
            Indices[table].AsSpan(CountSamples * Schema.TableHotness[table]).Fill(-1);
        }
    }

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
}
