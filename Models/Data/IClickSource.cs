using RduEmu.Models.Training;

namespace RduEmu.Models.Data;

/// <summary>Click samples one after the other.</summary>
public interface IClickSource : IBatchSource
{
    ClickSchema Schema { get; }

    /// <summary>True if the source knows what the best model possible would answer.</summary>
    bool KnowsBestScores { get; }

    /// <inheritdoc cref="IBatchSource.Read"/>
    void Read(ClickBatch batch);

    Batch IBatchSource.CreateBatch(int capacitySamples) => new ClickBatch(Schema, capacitySamples) { HasBestScores = KnowsBestScores };

    void IBatchSource.Read(Batch batch) => Read((ClickBatch)batch);
}
