using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Fusion;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Compiler.Executables;

/// <summary>
/// A placed program as a pack, and back: chip, options with their rules, work, sections, layouts. Equal programs give equal bytes, and
/// what is read equals what was written.
/// </summary>
internal static class ProgramPack
{
    public static byte[] Write(PlacedProgram program)
    {
        var pack = new PackWriter();
        Write(pack, program.Resources);
        Write(pack, program.Options);
        WorkPack.Write(pack, program.Graph);
        pack.Write(program.Sections.Count);
        foreach (PlacedSection section in program.Sections)
        {
            SectionPack.Write(pack, section.Section);
            pack.Write(section.Layout);
        }

        pack.Write(program.Layouts.Count);
        foreach (SectionLayout layout in program.Layouts)
        {
            LayoutPack.Write(pack, layout);
        }

        return pack.ToBytes();
    }

    /// <exception cref="InvalidDataException">Not a program.</exception>
    public static PlacedProgram Read(ReadOnlySpan<byte> bytes)
    {
        var pack = new PackReader(bytes);
        RduResources resources = ReadResources(ref pack);
        PlacementOptions options = ReadOptions(ref pack);
        MachineGraph graph = WorkPack.Read(ref pack);
        var sections = new PlacedSection[pack.ReadCount()];
        for (int i = 0; i < sections.Length; i++)
        {
            MachineSection section = SectionPack.Read(ref pack);
            sections[i] = new PlacedSection(section, pack.ReadInt());
        }

        var layouts = new SectionLayout[pack.ReadCount()];
        for (int i = 0; i < layouts.Length; i++)
        {
            layouts[i] = LayoutPack.Read(ref pack);
        }

        pack.RequireEnd();
        return new PlacedProgram(resources, options, graph, new EquatableArray<PlacedSection>(sections), new EquatableArray<SectionLayout>(layouts));
    }

    private static void Write(PackWriter pack, RduResources chip)
    {
        pack.Write(chip.Name);
        foreach (int count in (int[])[chip.TileRows, chip.TileColumns, chip.GridRows, chip.GridColumns, chip.Lanes, chip.PipelineStages, chip.MacsPerCycle])
        {
            pack.Write(count);
        }

        pack.Write(chip.PmuBytes);
        pack.Write(chip.VectorLinkBytesPerCycle);
        pack.Write(chip.AgcusPerTile);
        pack.Write(chip.ClockHz);
        pack.Write(chip.DramBytesPerSecond);
        pack.Write(chip.DramBytes);
        pack.Write(chip.SystolicPercent);
        pack.Write(chip.SectionSwitchCycles);
    }

    private static RduResources ReadResources(ref PackReader pack) => new(
        pack.ReadText(), pack.ReadInt(), pack.ReadInt(), pack.ReadInt(), pack.ReadInt(), pack.ReadInt(), pack.ReadInt(), pack.ReadInt(),
        pack.ReadLong(), pack.ReadInt(), pack.ReadInt(), pack.ReadLong(), pack.ReadLong(), pack.ReadLong(), pack.ReadInt(), pack.ReadLong());

    private static void Write(PackWriter pack, PlacementOptions options)
    {
        pack.Write((int)options.Mode);
        pack.Write(options.Tiles);
        pack.Write(options.Seed);
        pack.Write(options.ElementBytes);
        pack.Write(options.ResourcePercent);
        pack.Write(options.Rules.Rules.Count);
        foreach (FusionRule rule in options.Rules.Rules)
        {
            pack.Write(rule.Name);
            pack.Write(rule.Priority);
            pack.Write((int)rule.Heuristic);
            pack.Write(rule.Pattern.Count);
            foreach (FusionEntry entry in rule.Pattern)
            {
                pack.Write(entry.Name);
                Write(pack, entry.OperatorTypes);
                Write(pack, entry.Children);
                pack.Write(entry.IsRequired);
                pack.Write(entry.IsIncluded);
                pack.Write(entry.MatchFirstOption);
            }
        }
    }

    private static PlacementOptions ReadOptions(ref PackReader pack)
    {
        var options = new PlacementOptions(
            (CompileMode)pack.ReadBelow((int)CompileMode.O3 + 1), pack.ReadInt(), pack.ReadInt(), pack.ReadInt(), pack.ReadInt());
        var rules = new FusionRule[pack.ReadCount()];
        for (int i = 0; i < rules.Length; i++)
        {
            string name = pack.ReadText();
            int priority = pack.ReadInt();
            var heuristic = (FusionHeuristic)pack.ReadBelow((int)FusionHeuristic.Sdpa + 1);
            var pattern = new FusionEntry[pack.ReadCount()];
            for (int k = 0; k < pattern.Length; k++)
            {
                pattern[k] = new FusionEntry(pack.ReadText(), ReadTexts(ref pack), ReadTexts(ref pack), pack.ReadBool(), pack.ReadBool(), pack.ReadBool());
            }

            rules[i] = new FusionRule(name, priority, heuristic, new EquatableArray<FusionEntry>(pattern));
        }

        return options with { Rules = new FusionRules(new EquatableArray<FusionRule>(rules)) };
    }

    private static void Write(PackWriter pack, EquatableArray<string> texts)
    {
        pack.Write(texts.Count);
        foreach (string text in texts)
        {
            pack.Write(text);
        }
    }

    private static EquatableArray<string> ReadTexts(ref PackReader pack)
    {
        var texts = new string[pack.ReadCount()];
        for (int i = 0; i < texts.Length; i++)
        {
            texts[i] = pack.ReadText();
        }

        return new EquatableArray<string>(texts);
    }
}
