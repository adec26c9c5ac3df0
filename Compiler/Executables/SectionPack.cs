using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Executables;

/// <summary>A section in the pack of its program: stages, streams between them, transfers to and from the memory outside.</summary>
internal static class SectionPack
{
    private const int Directions = (int)DramDirection.Store + 1;
    private const int Timings = (int)DramTiming.AfterLast + 1;

    public static void Write(PackWriter pack, MachineSection section)
    {
        pack.Write(section.Index);
        pack.Write(section.Name);
        pack.Write((int)section.Phase);
        pack.Write(section.Operators.AsSpan());
        pack.Write(section.Iterations);
        pack.Write(section.Stages.Count);
        foreach (StagePlan stage in section.Stages)
        {
            Write(pack, stage);
        }

        pack.Write(section.Streams.Count);
        foreach (StreamPlan stream in section.Streams)
        {
            pack.Write(stream.Index);
            pack.Write(stream.Tensor);
            pack.Write(stream.Producer);
            pack.Write(stream.Consumer);
            pack.Write(stream.BytesPerIteration);
            pack.Write(stream.LagIterations);
            pack.Write(stream.DepthIterations);
            pack.Write(stream.IsSkip);
            pack.Write(stream.Pmus);
        }

        pack.Write(section.DramTransfers.Count);
        foreach (DramTransfer transfer in section.DramTransfers)
        {
            Write(pack, transfer);
        }

        pack.Write(section.EstimatedCycles);
    }

    public static MachineSection Read(ref PackReader pack)
    {
        int index = pack.ReadInt();
        string name = pack.ReadText();
        var phase = (Phase)pack.ReadBelow(WorkPack.Phases);
        EquatableArray<int> operators = pack.ReadInts();
        int iterations = pack.ReadInt();
        var stages = new StagePlan[pack.ReadCount()];
        for (int i = 0; i < stages.Length; i++)
        {
            stages[i] = ReadStage(ref pack);
        }

        var streams = new StreamPlan[pack.ReadCount()];
        for (int i = 0; i < streams.Length; i++)
        {
            streams[i] = new StreamPlan(
                pack.ReadInt(), pack.ReadInt(), pack.ReadInt(), pack.ReadInt(), pack.ReadLong(), pack.ReadInt(), pack.ReadInt(), pack.ReadBool(), pack.ReadInt());
        }

        var transfers = new DramTransfer[pack.ReadCount()];
        for (int i = 0; i < transfers.Length; i++)
        {
            transfers[i] = new DramTransfer(
                pack.ReadInt(), pack.ReadInt(), pack.ReadInts(), (DramDirection)pack.ReadBelow(Directions), (DramTiming)pack.ReadBelow(Timings),
                pack.ReadBool(), pack.ReadLong(), pack.ReadLong(), pack.ReadInt(), pack.ReadInt(), pack.ReadInt());
        }

        return new MachineSection(
            index, name, phase, operators, iterations, new EquatableArray<StagePlan>(stages), new EquatableArray<StreamPlan>(streams),
            new EquatableArray<DramTransfer>(transfers), pack.ReadLong());
    }

    private static void Write(PackWriter pack, StagePlan stage)
    {
        pack.Write(stage.Index);
        pack.Write(stage.Name);
        pack.Write((int)stage.Template);
        pack.Write(stage.Operators.AsSpan());
        WorkPack.Write(pack, stage.Gemm);
        pack.Write(stage.Elements);
        pack.Write(stage.ProgramStages);
        pack.Write(stage.Operations);
        pack.Write(stage.ParallelCopies);
        pack.Write(stage.PcusInSeries);
        pack.Write(stage.WeightBytes);
        pack.Write(stage.WeightPmus);
        pack.Write(stage.AccumulatorBytes);
        pack.Write(stage.AccumulatorPmus);
        pack.Write(stage.Depth);
        pack.Write(stage.EstimatedCycles);
        pack.Write(stage.Sockets);
        pack.Write(stage.CollectiveBytes);
        pack.Write(stage.Part);
        pack.Write(stage.Parts);
    }

    private static StagePlan ReadStage(ref PackReader pack) => new(
        pack.ReadInt(), pack.ReadText(), (TemplateKind)pack.ReadBelow(WorkPack.Templates), pack.ReadInts(), WorkPack.ReadGemm(ref pack), pack.ReadLong(),
        pack.ReadInt(), pack.ReadLong(), pack.ReadInt(), pack.ReadInt(), pack.ReadLong(), pack.ReadInt(), pack.ReadLong(), pack.ReadInt(), pack.ReadInt(),
        pack.ReadLong(), pack.ReadInt(), pack.ReadLong())
    {
        Part = pack.ReadInt(),
        Parts = pack.ReadInt(),
    };

    private static void Write(PackWriter pack, DramTransfer transfer)
    {
        pack.Write(transfer.Index);
        pack.Write(transfer.Tensor);
        pack.Write(transfer.Stages.AsSpan());
        pack.Write((int)transfer.Direction);
        pack.Write((int)transfer.Timing);
        pack.Write(transfer.IsWeight);
        pack.Write(transfer.Bytes);
        pack.Write(transfer.RequestBytes);
        pack.Write(transfer.LagIterations);
        pack.Write(transfer.DepthIterations);
        pack.Write(transfer.BufferPmus);
    }
}
