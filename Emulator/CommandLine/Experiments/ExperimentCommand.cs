using System.CommandLine;
using RduEmu.Emulator.CommandLine.Families;

namespace RduEmu.Emulator.CommandLine.Experiments;

/// <summary><c>rduemu experiment</c>: what repeatability is about, measured here.</summary>
internal static class ExperimentCommand
{
    public static Command Create() => new("experiment", "what repeatability is about, measured here")
    {
        IndexAddCommand.Create(),
        OfModel("drift", "word embeddings of a BERT over repeated trainings on 8 RDUs: sums as they arrive, and in RDU order", new BertFamily(), _ => new DriftCommand()),
        OfModel("small-batch", "a DLRM's metric and throughput over the batch size", new DlrmFamily(), _ => new SmallBatchCommand()),
        OfModel("embedding-dim", "a DLRM's metric and throughput over the width of its embeddings", new DlrmFamily(), family => new EmbeddingWidthCommand(family)),
        MatrixCommand.Create(),
    };

    /// <summary>An experiment with the options of a model.</summary>
    private static Command OfModel<T>(string name, string description, T family, Func<T, IModelCommand> create)
        where T : IModelFamily
    {
        var common = new CommonOptions(family);
        IModelCommand own = create(family);
        Command command = new(name, description);
        foreach (Option option in (IEnumerable<Option>)[.. own.Options, .. family.Options, .. common.All])
        {
            command.Add(option);
        }

        command.SetAction(parsed => own.Run(parsed, common.Read(parsed)));
        return command;
    }
}
