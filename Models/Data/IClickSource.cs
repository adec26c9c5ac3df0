namespace RduEmu.Models.Data;

/// <summary>Click samples one after the other, the same ones in the same order at every reading.</summary>
public interface IClickSource : IDisposable
{
    /// <summary>For people: what it reads or generates.</summary>
    string Name { get; }

    ClickSchema Schema { get; }

    /// <summary>True if the source knows what the best model possible would answer.</summary>
    bool KnowsBestScores { get; }

    /// <summary>Fills the batch with the next samples and sets their count: fewer than its capacity only at the end, 0 after it.</summary>
    /// <exception cref="Kernels.Errors.RduException">RDU01xx: the data are damaged; the message names file and row.</exception>
    void Read(ClickBatch batch);

    /// <summary>Starts again. A source in memory is shuffled anew, by seed and epoch; a stream keeps its order.</summary>
    void Rewind(int epoch);
}
