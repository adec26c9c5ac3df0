namespace RduEmu.Models.Training;

/// <summary>Samples one after the other, the same ones in the same order at every reading.</summary>
public interface IBatchSource : IDisposable
{
    /// <summary>For people: what it reads or generates.</summary>
    string Name { get; }

    /// <summary>An empty batch of the kind that this source fills.</summary>
    Batch CreateBatch(int capacitySamples);

    /// <summary>
    /// Fills the batch, which <see cref="CreateBatch"/> made, with the next samples and sets their count: fewer than its capacity
    /// only at the end, 0 after it.
    /// </summary>
    /// <exception cref="Kernels.Errors.RduException">RDU01xx: the data are damaged; the message names file and row.</exception>
    void Read(Batch batch);

    /// <summary>Starts again. A source in memory is shuffled anew, by seed and epoch; a stream keeps its order.</summary>
    void Rewind(int epoch);

    /// <summary>Passes over batches as <see cref="Read"/> would give them: where a resumed run goes on.</summary>
    /// <param name="batch">To read into, if there is no shorter way.</param>
    /// <param name="batches">How many.</param>
    void Skip(Batch batch, long batches)
    {
        for (long i = 0; i < batches; i++)
        {
            Read(batch);
        }
    }
}
