using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Training;

/// <summary>Whole batches of a source, epoch after epoch; what does not fill a batch is left out.</summary>
internal sealed class BatchCursor
{
    private readonly IBatchSource _source;
    private readonly int _epochs;
    private readonly Digest? _digest;

    /// <param name="source">Samples.</param>
    /// <param name="batchSamples">Samples of a batch.</param>
    /// <param name="epochs">Times that the source is read at most, or null for as often as is asked.</param>
    /// <param name="digest">Takes the samples in order, or null.</param>
    public BatchCursor(IBatchSource source, int batchSamples, int? epochs, Digest? digest)
    {
        _source = source;
        _epochs = epochs ?? int.MaxValue;
        _digest = digest;
        Batch = source.CreateBatch(batchSamples);
        source.Rewind(0);
    }

    /// <summary>The samples of the last <see cref="Next"/>.</summary>
    public Batch Batch { get; }

    public int Epoch { get; private set; }

    /// <summary>Batches of this epoch that were given.</summary>
    public long BatchInEpoch { get; private set; }

    /// <returns>False if there are no more epochs.</returns>
    /// <exception cref="RduException">RDU0201: the source has not enough samples for a batch.</exception>
    public bool Next()
    {
        _source.Read(Batch);
        if (Batch.CountSamples < Batch.CapacitySamples)
        {
            if (Epoch > 0 || BatchInEpoch > 0)
            {
                Epoch++;
                if (Epoch >= _epochs)
                {
                    return false;
                }
            }

            BatchInEpoch = 0;
            _source.Rewind(Epoch);
            _source.Read(Batch);
            if (Batch.CountSamples < Batch.CapacitySamples)
            {
                throw new RduException(
                    ErrorCatalogue.OptionInvalid, $"--batch with {_source.Name}", $"at least {Batch.CapacitySamples} samples", $"{Batch.CountSamples}", "use a smaller batch or more data");
            }
        }

        BatchInEpoch++;
        Batch.AppendTo(_digest);
        return true;
    }

    /// <summary>Goes to where another cursor was; a digest sees all that lies before.</summary>
    public void Seek(int epoch, long batchInEpoch, CancellationToken cancellation)
    {
        if (_digest is null)
        {
            Epoch = epoch;
            BatchInEpoch = batchInEpoch;
            _source.Rewind(epoch);
            _source.Skip(Batch, batchInEpoch);
            return;
        }

        while (Epoch != epoch || BatchInEpoch != batchInEpoch)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!Next())
            {
                throw new RduException(
                    ErrorCatalogue.CheckpointUnfit, _source.Name, $"a batch {batchInEpoch} in epoch {epoch}", $"only {Epoch} epochs", "resume with the data that the run began with");
            }
        }
    }
}
