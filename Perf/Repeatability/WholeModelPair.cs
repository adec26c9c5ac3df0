using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Experiments;
using RduEmu.Emulator.Training;
using RduEmu.Models.Training;

namespace RduEmu.Perf.Repeatability;

/// <summary>A training step shared by RDUs: gradients joined in RDU order, against gradients that are added as they arrive.</summary>
internal sealed class WholeModelPair : CostPair
{
    private const int Sockets = 8;

    private readonly MatrixRow _row;
    private readonly ModelSession _ordered;
    private readonly ModelSession _arrival;
    private readonly IModelData _data;
    private readonly Batch _batch;
    private float _orderedLoss;
    private float _arrivalLoss;

    /// <param name="row">Model and size.</param>
    /// <param name="threads">Workers of each RDU.</param>
    /// <param name="batchSamples">Samples of a step.</param>
    public WholeModelPair(MatrixRow row, int threads, int batchSamples)
    {
        _row = row;
        Threads = threads;
        (IModel model, Func<IModelData> open) = row.Build();
        var target = new ExecutionTarget("host", threads);
        _data = open();
        _batch = _data.Training.CreateBatch(batchSamples);
        _data.Training.Rewind(0);
        _data.Training.Read(_batch);
        _ordered = new ModelSession(model, target, new SessionPurpose(batchSamples), new BatchSplit(Sockets));
        _arrival = new ModelSession(model, target, new SessionPurpose(batchSamples), new BatchSplit(Sockets) { Arrival = new ArrivalSums() });
        _ordered.Initialize(1, _data.FirstValues);
        _arrival.Initialize(1, _data.FirstValues);
    }

    public override string Operator => $"{_row.Model}, training step";

    public override string Shape => $"{_batch.CapacitySamples} samples on {Sockets} RDUs; {_row.Summary}";

    public override int Threads { get; }

    public override string Rival => "shares added as they arrive";

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
