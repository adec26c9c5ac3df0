using RduEmu.Compiler.Graphs;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Receipts;

/// <summary>Digests of samples, in the order in which a model sees them.</summary>
public static class BatchDigest
{
    public static void AppendTo(this Batch batch, Digest? digest)
    {
        if (digest is null)
        {
            return;
        }

        foreach (BatchField field in batch.Fields)
        {
            if (!field.IsData)
            {
                continue;
            }

            int count = field.Type.HasSamples ? batch.CountSamples * field.Width : field.Width;
            if (field.Type.Element == ElementType.Float32)
            {
                digest.Append(field.Floats.AsSpan(0, count));
            }
            else
            {
                digest.Append(field.Integers.AsSpan(0, count));
            }
        }
    }
}
