using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Experiments;
using RduEmu.Emulator.Training;
using RduEmu.Models.Training;

namespace RduEmu.Perf.Repeatability;

/// <summary>
/// A training step against the same step whose threads each take a part of the batch and add their gradients as they arrive: the order of
/// sums over samples, which is where whole models pay for it.
/// </summary>
internal sealed class WholeModelPair : CostPair
{
    private readonly MatrixRow _row;
    private readonly bool _isShared;
    private readonly ModelSession _ordered;
    private readonly ModelSession _arrival;
    private readonly IModelData _data;
    private readonly Batch _batch;
    private float _orderedLoss;
    private float _arrivalLoss;

    /// <param name="row">Model and size.</param>
    /// <param name="threads">Of both sides.</param>
    /// <param name="isShared">True if the ordered side shares the batch as the rival does, false if its threads share tiles of one RDU.</param>
    /// <param name="batchSamples">Samples of a step.</param>
    public WholeModelPair(MatrixRow row, int threads, bool isShared, int batchSamples)
    {
        _row = row;
        _isShared = isShared;
        Threads = threads;
        (IModel model, Func<IModelData> open) = row.Build();
        var alone = new ExecutionTarget("host", 1);
        _data = open();
        _batch = _data.Training.CreateBatch(batchSamples);
        _data.Training.Rewind(0);
        _data.Training.Read(_batch);
        _ordered = new ModelSession(model, isShared ? alone : alone with { Threads = threads }, new SessionPurpose(batchSamples), isShared ? new BatchSplit(threads) : BatchSplit.None);
        _arrival = new ModelSession(model, alone, new SessionPurpose(batchSamples), new BatchSplit(threads) { Arrival = new ArrivalSums() });
        _ordered.Initialize(1, _data.FirstValues);
        _arrival.Initialize(1, _data.FirstValues);
    }

    public override string Operator => $"{_row.Model}, training step";

    public override string Shape => $"{_batch.CapacitySamples} samples{(_isShared ? $" on {Threads} RDUs" : string.Empty)}; {_row.Summary}";

    public override int Threads { get; }

    public override string Rival => "a part of the batch for each thread, gradients added as they arrive";

    /// <summary>At a rate of 0, so that both sides see the same weights for ever.</summary>
    public override void Ordered() => _orderedLoss = _ordered.Step(_batch, new StepMoment(0, 0));

    public override void Unordered() => _arrivalLoss = _arrival.Step(_batch, new StepMoment(0, 0));

    public override double RelativeDifference() => Math.Abs(_orderedLoss - _arrivalLoss) / Math.Abs(_orderedLoss);

    public override void Dispose()
    {
        _ordered.Dispose();
        _arrival.Dispose();
        _data.Dispose();
    }
}
