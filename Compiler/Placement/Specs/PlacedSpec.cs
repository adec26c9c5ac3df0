using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Placement.Specs;

/// <summary>
/// The legal form of a placed program, as a check. Of the program: every operator is in one section (or once in each of its parts), a
/// section has one phase, and it loads only what is there. Of a section: <see cref="CreditSpec"/>. Of a layout: <see cref="LayoutSpec"/>.
/// </summary>
public static class PlacedSpec
{
    /// <exception cref="RduException">RDU0612, naming the first rule that is broken and where; RDU0602: a section would wait for itself.</exception>
    public static void Check(PlacedProgram program)
    {
        CheckOperators(program);
        CheckData(program);
        var done = new HashSet<int>();
        foreach (PlacedSection placed in program.Sections)
        {
            MachineSection section = placed.Section;
            Require(placed.Layout >= 0 && placed.Layout < program.Layouts.Count, section.Name, "a layout of the program", $"{placed.Layout}");
            CheckStreams(program.Graph, section);

            // Sections with one layout are equal in all that the rules below look at.
            if (done.Add(placed.Layout))
            {
                CreditSpec.Check(section);
                LayoutSpec.Check(program.Resources, section, program.LayoutOf(placed));
            }
            else
            {
                Require(
                    PlacementCompiler.ShapeOf(section) == PlacementCompiler.ShapeOf(program.Sections.First(other => other.Layout == placed.Layout).Section),
                    section.Name, "the shape of all sections with its layout", "another one");
            }
        }
    }

    internal static void Require(bool holds, string where, string expected, string got)
    {
        if (!holds)
        {
            throw new RduException(ErrorCatalogue.PlacementIllegal, where, expected, got, "report this as a fault of the compiler");
        }
    }

    private static void CheckOperators(PlacedProgram program)
    {
        var parts = new int[program.Graph.Operators.Count];
        var sectionOf = new int[program.Graph.Operators.Count];
        Array.Fill(sectionOf, -1);
        for (int i = 0; i < program.Sections.Count; i++)
        {
            MachineSection section = program.Sections[i].Section;
            Require(section.Index == i, section.Name, $"index {i}", $"{section.Index}");
            Require(section.Stages.Count > 0 && section.Iterations > 0, section.Name, "stages and iterations", $"{section.Stages.Count} and {section.Iterations}");
            Require(
                section.Stages.SelectMany(stage => stage.Operators).Order().SequenceEqual(section.Operators), section.Name, "the operators of its stages",
                section.Operators.ToString());
            foreach (StagePlan stage in section.Stages)
            {
                foreach (int index in stage.Operators)
                {
                    MachineOperator op = program.Graph.Operators[index];
                    Require(op.Phase == section.Phase, $"{section.Name}, {op.Name}", $"{section.Phase}", $"{op.Phase}");
                    Require(sectionOf[index] < 0 || stage.Parts > 1, op.Name, "one section", $"sections {sectionOf[index]} and {i}");
                    Require(parts[index] == stage.Part, op.Name, $"part {parts[index]}", $"part {stage.Part}");
                    sectionOf[index] = i;
                    parts[index] = (parts[index] + 1) % stage.Parts;
                }
            }
        }

        for (int i = 0; i < sectionOf.Length; i++)
        {
            Require(sectionOf[i] >= 0 && parts[i] == 0, program.Graph.Operators[i].Name, "a section for all of it", "none");
        }
    }

    /// <summary>What a section loads was given or stored before; what the graph returns is stored at the end; it all fits the memory.</summary>
    private static void CheckData(PlacedProgram program)
    {
        bool[] isThere = [.. program.Graph.Tensors.Select(tensor => tensor.Role != ValueRole.Computed)];
        long bytes = program.Graph.Tensors.Where(tensor => tensor.Role != ValueRole.Computed).Sum(tensor => tensor.Bytes);
        foreach (PlacedSection placed in program.Sections)
        {
            MachineSection section = placed.Section;
            foreach (DramTransfer transfer in section.DramTransfers.Where(transfer => transfer.Direction == DramDirection.Load))
            {
                Require(isThere[transfer.Tensor], section.Name, $"{program.Graph.Tensors[transfer.Tensor].Name} stored before it is loaded", "no section that did");
            }

            foreach (DramTransfer transfer in section.DramTransfers.Where(transfer => transfer.Direction == DramDirection.Store))
            {
                isThere[transfer.Tensor] = true;
            }
        }

        foreach (int output in program.Graph.Outputs)
        {
            Require(isThere[output], program.Graph.Tensors[output].Name, "a section that stores what is returned", "none");
        }

        Require(bytes <= program.Resources.DramBytes, "parameters and inputs", $"at most {program.Resources.DramBytes} bytes outside the chip", $"{bytes}");
    }

    /// <summary>Every input of every operator reaches its stage: by a stream, from the memory, or inside the stage.</summary>
    private static void CheckStreams(MachineGraph graph, MachineSection section)
    {
        foreach (StagePlan stage in section.Stages)
        {
            var inside = new HashSet<int>(stage.Operators.SelectMany(index => graph.Operators[index].Outputs));
            foreach (MachineInput input in stage.Operators.SelectMany(index => graph.Operators[index].Inputs).Where(input => !inside.Contains(input.Tensor)))
            {
                bool streams = section.Streams.Any(stream => stream.Consumer == stage.Index && stream.Tensor == input.Tensor);
                bool loads = section.DramTransfers.Any(
                    transfer => transfer.Direction == DramDirection.Load && transfer.Tensor == input.Tensor && transfer.Stages.Contains(stage.Index));
                Require(streams != loads, $"{section.Name}, {stage.Name}", $"{graph.Tensors[input.Tensor].Name} from a stream or from the memory", streams ? "both" : "neither");
            }
        }

        foreach (StreamPlan stream in section.Streams)
        {
            StagePlan producer = section.Stages[stream.Producer];
            Require(
                producer.Operators.Any(index => graph.Operators[index].Outputs.Contains(stream.Tensor)), $"{section.Name}, stream {stream.Index}",
                $"{graph.Tensors[stream.Tensor].Name} from a stage that computes it", producer.Name);
        }
    }
}
