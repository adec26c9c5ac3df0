using RduEmu.Compiler.Graphs;

namespace RduEmu.Models.Training;

/// <summary>One named buffer of a batch: floats or integers, whichever its type says.</summary>
/// <param name="name">The graph input that takes it; a field that no input is named after is for the metric alone.</param>
/// <param name="type">Its type for a batch at capacity; without samples it belongs to the batch as a whole.</param>
/// <param name="padding">What stands behind the last sample of a short batch: bits of a float, or an integer.</param>
/// <param name="isData">True if it is part of the data's digest.</param>
public sealed class BatchField(string name, TensorType type, int padding = 0, bool isData = true)
{
    public string Name { get; } = name;

    public TensorType Type { get; } = type;

    public int Padding { get; } = padding;

    public bool IsData { get; } = isData;

    /// <summary>The elements, row-major; empty if they are integers.</summary>
    public float[] Floats { get; } = type.Element == ElementType.Float32 ? new float[type.CountElements] : [];

    /// <summary>The elements, row-major; empty if they are floats.</summary>
    public int[] Integers { get; } = type.Element == ElementType.Int32 ? new int[type.CountElements] : [];

    /// <summary>Elements of one sample, or of all if there are no samples.</summary>
    public int Width { get; } = checked((int)(type.HasSamples ? type.CountElements / Math.Max(1, type.Shape[0]) : type.CountElements));
}

/// <summary>Samples in the layout that a model's graphs take; made once and filled again and again.</summary>
public class Batch
{
    private readonly Dictionary<string, BatchField> _byName;

    /// <param name="capacitySamples">At least 1.</param>
    /// <param name="fields">In the order of the data's digest; those with samples have room for as many as the capacity says.</param>
    public Batch(int capacitySamples, params IReadOnlyList<BatchField> fields)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacitySamples, 1);
        CapacitySamples = capacitySamples;
        Fields = fields;
        _byName = fields.ToDictionary(field => field.Name);
    }

    public int CapacitySamples { get; }

    /// <summary>Samples that the last read filled in.</summary>
    public int CountSamples { get; set; }

    public IReadOnlyList<BatchField> Fields { get; }

    /// <exception cref="KeyNotFoundException">There is no such field.</exception>
    public BatchField this[string name] => _byName[name];

    public bool Has(string name) => _byName.ContainsKey(name);

    /// <summary>As many samples of another batch of the same kind, from one on, as there are and as fit.</summary>
    public void CopyFrom(Batch other, int firstSample)
    {
        CountSamples = 0;
        Append(other, firstSample);
    }

    /// <summary>Appends samples of another batch of the same kind, from one on, as many as there are and as fit.</summary>
    public void Append(Batch other, int firstSample = 0)
    {
        int count = Math.Min(other.CountSamples - firstSample, CapacitySamples - CountSamples);
        for (int i = 0; i < Fields.Count; i++)
        {
            Copy(other.Fields[i].Floats, Fields[i].Floats, Fields[i]);
            Copy(other.Fields[i].Integers, Fields[i].Integers, Fields[i]);
        }

        CountSamples += count;

        void Copy<T>(T[] from, T[] to, BatchField field)
        {
            if (from.Length == 0)
            {
                return;
            }

            if (field.Type.HasSamples)
            {
                from.AsSpan(firstSample * field.Width, count * field.Width).CopyTo(to.AsSpan(CountSamples * field.Width));
            }
            else
            {
                from.CopyTo(to, 0);
            }
        }
    }

    /// <summary>Numbers the samples by their places in the training, where the source has not numbered them.</summary>
    /// <param name="first">Number of the first one.</param>
    public virtual void NumberFrom(long first)
    {
    }

    /// <summary>Makes what lies behind the last sample harmless: a short batch runs as a whole one, and its tail is ignored.</summary>
    public void ClearTail()
    {
        foreach (BatchField field in Fields)
        {
            if (!field.Type.HasSamples)
            {
                continue;
            }

            int begin = CountSamples * field.Width;
            if (field.Type.Element == ElementType.Float32)
            {
                field.Floats.AsSpan(begin).Fill(BitConverter.Int32BitsToSingle(field.Padding));
            }
            else
            {
                field.Integers.AsSpan(begin).Fill(field.Padding);
            }
        }
    }
}
