using RduEmu.Models.Data;

namespace RduEmu.Emulator.Receipts;

/// <summary>Digests of samples, in the order in which a model sees them.</summary>
public static class ClickBatchDigest
{
    public static void AppendTo(this ClickBatch batch, Digest? digest)
    {
        if (digest is null)
        {
            return;
        }

        ClickSchema schema = batch.Schema;
        digest.Append(batch.Dense.AsSpan(0, batch.CountSamples * schema.DenseFeatures));
        digest.Append(batch.Targets.AsSpan(0, batch.CountSamples));
        for (int table = 0; table < batch.Indices.Length; table++)
        {
            digest.Append(batch.Indices[table].AsSpan(0, batch.CountSamples * schema.TableHotness[table]));
        }
    }
}
