using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Executables;

/// <summary>The work of a placed program in its pack: tensors and operators as the machine sees them.</summary>
internal static class WorkPack
{
    private const int Roles = (int)ValueRole.Computed + 1;
    private const int Accesses = (int)OperandAccess.Indexed + 1;

    /// <summary>Shared with <see cref="SectionPack"/>.</summary>
    public const int Phases = (int)Phase.Optimizer + 1;

    /// <inheritdoc cref="Phases"/>
    public const int Templates = (int)TemplateKind.Collective + 1;

    public static void Write(PackWriter pack, MachineGraph graph)
    {
        pack.Write(graph.Samples);
        pack.Write(graph.RowsPerSample);
        pack.Write(graph.Tensors.Count);
        foreach (MachineTensor tensor in graph.Tensors)
        {
            pack.Write(tensor.Id);
            pack.Write(tensor.Name);
            pack.Write((int)tensor.Role);
            pack.Write(tensor.Bytes);
            pack.Write(tensor.HasSamples);
        }

        pack.Write(graph.Operators.Count);
        foreach (MachineOperator op in graph.Operators)
        {
            Write(pack, op);
        }

        pack.Write(graph.Outputs.AsSpan());
    }

    public static MachineGraph Read(ref PackReader pack)
    {
        int samples = pack.ReadInt();
        int rows = pack.ReadInt();
        var tensors = new MachineTensor[pack.ReadCount()];
        for (int i = 0; i < tensors.Length; i++)
        {
            tensors[i] = new MachineTensor(pack.ReadInt(), pack.ReadText(), (ValueRole)pack.ReadBelow(Roles), pack.ReadLong(), pack.ReadBool());
        }

        var operators = new MachineOperator[pack.ReadCount()];
        for (int i = 0; i < operators.Length; i++)
        {
            operators[i] = ReadOperator(ref pack);
        }

        return new MachineGraph(samples, rows, new EquatableArray<MachineTensor>(tensors), new EquatableArray<MachineOperator>(operators), pack.ReadInts());
    }

    /// <summary>A product, or that there is none.</summary>
    public static void Write(PackWriter pack, GemmShape? product)
    {
        pack.Write(product.HasValue);
        if (product is { } gemm)
        {
            pack.Write(gemm.Batch);
            pack.Write(gemm.M);
            pack.Write(gemm.N);
            pack.Write(gemm.K);
        }
    }

    public static GemmShape? ReadGemm(ref PackReader pack) =>
        pack.ReadBool() ? new GemmShape(pack.ReadLong(), pack.ReadLong(), pack.ReadLong(), pack.ReadLong()) : null;

    private static void Write(PackWriter pack, MachineOperator op)
    {
        pack.Write(op.Index);
        pack.Write(op.Name);
        pack.Write(op.Operator);
        pack.Write((int)op.Phase);
        pack.Write(op.Nodes.Count);
        foreach (NodeId node in op.Nodes)
        {
            pack.Write(node.Index);
        }

        pack.Write(op.Inputs.Count);
        foreach (MachineInput input in op.Inputs)
        {
            pack.Write(input.Tensor);
            pack.Write((int)input.Access);
            pack.Write(input.Bytes);
            pack.Write(input.RequestBytes);
        }

        pack.Write(op.Outputs.AsSpan());
        MachineWork work = op.Work;
        pack.Write((int)work.Template);
        pack.Write(work.Operations);
        Write(pack, work.Gemm);
        pack.Write(work.Elements);
        pack.Write(work.ProgramStages);
        pack.Write(work.AccumulatesSamples);
        pack.Write(work.OutputBytes);
        pack.Write(work.Sockets);
        pack.Write(work.AccumulatesRows);
        pack.Write(work.IndexedRowBytes);
    }

    private static MachineOperator ReadOperator(ref PackReader pack)
    {
        int index = pack.ReadInt();
        string name = pack.ReadText();
        string kind = pack.ReadText();
        var phase = (Phase)pack.ReadBelow(Phases);
        var nodes = new NodeId[pack.ReadCount()];
        for (int i = 0; i < nodes.Length; i++)
        {
            nodes[i] = new NodeId(pack.ReadInt());
        }

        var inputs = new MachineInput[pack.ReadCount()];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = new MachineInput(pack.ReadInt(), (OperandAccess)pack.ReadBelow(Accesses), pack.ReadLong(), pack.ReadLong());
        }

        EquatableArray<int> outputs = pack.ReadInts();
        var work = new MachineWork(
            (TemplateKind)pack.ReadBelow(Templates), pack.ReadLong(), ReadGemm(ref pack), pack.ReadLong(), pack.ReadInt(), pack.ReadBool(), pack.ReadLong())
        {
            Sockets = pack.ReadInt(),
            AccumulatesRows = pack.ReadBool(),
            IndexedRowBytes = pack.ReadLong(),
        };
        return new MachineOperator(index, name, kind, new EquatableArray<NodeId>(nodes), phase, new EquatableArray<MachineInput>(inputs), outputs, work);
    }
}
