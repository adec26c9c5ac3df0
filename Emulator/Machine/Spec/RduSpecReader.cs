using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Machine.Spec;

/// <summary>Reads a machine description and checks it against <see cref="SpecSchema"/>: the first fault is one line that names the field.</summary>
public static class RduSpecReader
{
    private const string Inferred = "inferred";

    /// <summary>How a number is written.</summary>
    private const string Form = "{\"value\": integer, \"source\": text}";

    /// <param name="content">UTF-8 JSON.</param>
    /// <param name="where">The file, for messages.</param>
    /// <exception cref="RduException">RDU0601, naming the field.</exception>
    public static RduSpec Read(byte[] content, string where)
    {
        JsonElement root;
        try
        {
            using JsonDocument document = JsonDocument.Parse(content);
            root = document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw Invalid(where, "JSON", error.Message, "correct the file");
        }

        if (root.ValueKind != JsonValueKind.Object)
        {
            throw Invalid(where, "a JSON object", root.ValueKind.ToString(), "correct the file");
        }

        string schema = Text(root, "schema", where);
        if (schema != SpecSchema.Version)
        {
            throw Invalid($"{where}, schema", SpecSchema.Version, schema, "write the description in this schema");
        }

        RequireKnownNames(root, where);
        var tags = Tags(root, where);
        bool hbm = root.TryGetProperty(SpecSchema.OptionalGroup, out _);
        var values = new Dictionary<string, long>();
        var sources = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (SpecField field in SpecSchema.Fields)
        {
            if (field.Group == SpecSchema.OptionalGroup && !hbm)
            {
                continue;
            }

            (long value, string source) = Number(root, field, where);
            values.Add(field.Path, value);
            sources.Add(field.Path, Resolve(source, tags, field, where));
        }

        RduSpec spec = Bind(Text(root, "name", where), Text(root, "title", where), values, hbm, sources, content);
        // A chess board has as many fields of one kind as of the other.
        if (spec.Chip.PcusPerTile != spec.Chip.PmusPerTile)
        {
            throw Invalid($"{where}, chip.pmusPerTile", $"as many as PCUs, {spec.Chip.PcusPerTile}", $"{spec.Chip.PmusPerTile}", "correct one of them");
        }

        if (spec.Chip.GridRows * spec.Chip.GridColumns != 2 * spec.Chip.PcusPerTile)
        {
            throw Invalid(
                $"{where}, chip.gridRows", $"rows times columns = {2 * spec.Chip.PcusPerTile}, one place for each unit", $"{spec.Chip.GridRows * spec.Chip.GridColumns}",
                "correct the grid");
        }

        foreach (string percent in new[] { "memory.efficiencyPercent", "hbm.efficiencyPercent", "calibration.systolicPercent", "calibration.simdPercent" })
        {
            if (values.TryGetValue(percent, out long value) && value > 100)
            {
                throw Invalid($"{where}, {percent}", "at most 100", $"{value}", "correct the number");
            }
        }

        return spec;
    }

    private static RduSpec Bind(
        string name, string title, Dictionary<string, long> v, bool hbm, IReadOnlyDictionary<string, string> sources, byte[] content) => new(
        name,
        title,
        new ChipSpec(v["chip.tiles"], v["chip.pcusPerTile"], v["chip.pmusPerTile"], v["chip.gridRows"], v["chip.gridColumns"], v["chip.agcusPerTile"],
            v["chip.tileMemoryMegabytesPerSecond"], v["chip.clockMegahertz"]),
        new PcuSpec(v["pcu.lanes"], v["pcu.stages"], v["pcu.multipliesPerLaneStage"], v["pcu.stageCycles"], v["pcu.tailCycles"], v["pcu.reductionCycles"]),
        new PmuSpec(v["pmu.kibibytes"], v["pmu.banks"], v["pmu.readBytesPerCycle"], v["pmu.writeBytesPerCycle"]),
        new NetworkSpec(v["network.vectorBytes"], v["network.hopCycles"], v["network.linksPerSwitch"], v["network.fifoPackets"], v["network.creditPackets"]),
        new MemorySpec(
            v["memory.channels"], v["memory.channelMegabytesPerSecond"], v["memory.gibibytes"], v["memory.efficiencyPercent"], v["memory.latencyNanoseconds"],
            v["memory.burstBytes"], v["memory.outstandingBursts"]),
        hbm
            ? new HbmSpec(v["hbm.channels"], v["hbm.channelMegabytesPerSecond"], v["hbm.gibibytes"], v["hbm.efficiencyPercent"], v["hbm.latencyNanoseconds"])
            : null,
        new HostSpec(
            v["host.pcieLinks"], v["host.pcieMegabytesPerSecond"], v["host.latencyNanoseconds"], v["host.sequenceTokenMicroseconds"]),
        new LoadSpec(v["load.bytesPerUnit"], v["load.bytesPerCycle"], v["load.argumentCycles"], v["load.launchCycles"]),
        new LinkSpec(
            v["link.count"], v["link.megabytesPerSecond"], v["link.latencyNanoseconds"], v["link.nodeMegabytesPerSecond"], v["link.nodeLatencyNanoseconds"]),
        new NodeSpec(v["node.sockets"], v["node.nodes"]),
        new CalibrationSpec(v["calibration.systolicPercent"], v["calibration.simdPercent"]),
        sources,
        Convert.ToHexStringLower(SHA256.HashData(content)))
        {
            Content = content,
        };

    private static void RequireKnownNames(JsonElement root, string where)
    {
        ILookup<string, string> names = SpecSchema.Fields.ToLookup(field => field.Group, field => field.Name);
        string[] plain = ["schema", "name", "title", "notes", "sources"];
        foreach (JsonProperty group in root.EnumerateObject())
        {
            if (plain.Contains(group.Name))
            {
                continue;
            }

            if (!names.Contains(group.Name))
            {
                throw Invalid($"{where}, {group.Name}", string.Join(", ", names.Select(known => known.Key)), group.Name, "correct the name");
            }

            if (group.Value.ValueKind != JsonValueKind.Object)
            {
                throw Invalid($"{where}, {group.Name}", "an object of numbers", group.Value.ValueKind.ToString(), "correct the group");
            }

            foreach (JsonProperty number in group.Value.EnumerateObject())
            {
                if (!names[group.Name].Contains(number.Name))
                {
                    throw Invalid($"{where}, {group.Name}.{number.Name}", string.Join(", ", names[group.Name]), number.Name, "correct the name");
                }
            }
        }
    }

    private static Dictionary<string, string> Tags(JsonElement root, string where)
    {
        var tags = new Dictionary<string, string>();
        if (root.TryGetProperty("sources", out JsonElement sources))
        {
            if (sources.ValueKind != JsonValueKind.Object)
            {
                throw Invalid($"{where}, sources", "an object of texts", sources.ValueKind.ToString(), "correct the sources");
            }

            foreach (JsonProperty source in sources.EnumerateObject())
            {
                tags[source.Name] = source.Value.ValueKind == JsonValueKind.String
                    ? source.Value.GetString()!
                    : throw Invalid($"{where}, sources.{source.Name}", "a text", source.Value.ValueKind.ToString(), "write an address");
            }
        }

        return tags;
    }

    private static (long Value, string Source) Number(JsonElement root, SpecField field, string where)
    {
        string place = $"{where}, {field.Path}";
        if (!root.TryGetProperty(field.Group, out JsonElement group) || !group.TryGetProperty(field.Name, out JsonElement number))
        {
            throw Invalid(place, $"{Form}: {field.Meaning}", "nothing", "add the number");
        }

        if (number.ValueKind != JsonValueKind.Object || !number.TryGetProperty("value", out JsonElement value))
        {
            throw Invalid(place, Form, number.GetRawText(), "write the number with its source");
        }

        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out long parsed))
        {
            throw Invalid(place, "an integer", value.GetRawText(), "write a whole number in the unit that the name ends in");
        }

        // No hardware number comes near 2^40; above it products of several could leave 64 bits.
        if (parsed < field.Minimum || parsed > 1L << 40)
        {
            throw Invalid(
                place, string.Create(CultureInfo.InvariantCulture, $"at least {field.Minimum}, at most 2^40"), value.GetRawText(), "correct the number");
        }

        if (!number.TryGetProperty("source", out JsonElement source) || source.ValueKind != JsonValueKind.String || source.GetString()!.Length == 0)
        {
            throw Invalid(place, "a source", "none", $"say where the number is from: an address, a name of sources, or '{Inferred}' and how");
        }

        return (parsed, source.GetString()!);
    }

    private static string Resolve(string source, Dictionary<string, string> tags, SpecField field, string where)
    {
        if (source.StartsWith(Inferred, StringComparison.Ordinal) || source.StartsWith("http", StringComparison.Ordinal))
        {
            return source;
        }

        return tags.TryGetValue(source, out string? address)
            ? address
            : throw Invalid($"{where}, {field.Path}", $"an address, a name of sources, or '{Inferred}' and how", source, "add it to sources");
    }

    private static string Text(JsonElement root, string name, string where) =>
        root.TryGetProperty(name, out JsonElement text) && text.ValueKind == JsonValueKind.String && text.GetString()!.Length > 0
            ? text.GetString()!
            : throw Invalid($"{where}, {name}", "a text", "none", "add it");

    private static RduException Invalid(string where, string expected, string got, string remedy) =>
        new(ErrorCatalogue.SpecInvalid, where, expected, got, remedy);
}
