using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Executables;

/// <summary>
/// A placed program in a file, <c>*.rdux</c>: a zip of <c>manifest.json</c> (format, numerics contract, code version, model, digest of
/// every other entry), <c>graph.json</c> (the IR), <c>program.json</c> (chip, options, sections, places, routes), <c>machine.json</c> (the
/// description of the machine, by which it is timed) and, optionally, <c>weights.safetensors</c>. The same input gives the same bytes on every machine; a file with any other byte is refused.
/// </summary>
/// <param name="Arguments">The model as the command line has it, from which parameters and data are made again.</param>
/// <param name="MachineArguments">The machine as the command line has it.</param>
/// <param name="Graph">What it computes.</param>
/// <param name="Program">Where.</param>
/// <param name="Machine">The description that the program was compiled for, as it was read; empty if there was none.</param>
/// <param name="Weights">First values of parameters, as a whole safetensors file; empty if they are drawn.</param>
public sealed record Executable(
    IReadOnlyList<string> Arguments, IReadOnlyList<string> MachineArguments, Graph Graph, PlacedProgram Program, ReadOnlyMemory<byte> Machine,
    ReadOnlyMemory<byte> Weights)
{
    public const string Format = "rdux/2";

    /// <summary>The version of <c>docs/numerics.md</c> that results follow.</summary>
    public const string Contract = "rdu-order/1";

    private const string ManifestEntry = "manifest.json";
    private const string GraphEntry = "graph.json";
    private const string ProgramEntry = "program.json";
    private const string MachineEntry = "machine.json";
    private const string WeightsEntry = "weights.safetensors";

    /// <summary>The manifest's own digest: a file of one line.</summary>
    private const string SealEntry = "manifest.sha256";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        IgnoreReadOnlyProperties = true,
        Converters = { new EquatableArrayConverter(), new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>The version of the code, as it is stamped into files.</summary>
    public static string CodeVersion { get; } = typeof(Executable).Assembly.GetName().Version!.ToString(3);

    public byte[] ToBytes()
    {
        var contents = new List<(string Name, ReadOnlyMemory<byte> Content)>
        {
            (GraphEntry, GraphText.Write(Graph)),
            (ProgramEntry, JsonSerializer.SerializeToUtf8Bytes(new StoredProgram(Program.Resources, Program.Options, Program.Sections, Program.Layouts), Json)),
        };
        if (Machine.Length > 0)
        {
            contents.Add((MachineEntry, Machine));
        }

        if (Weights.Length > 0)
        {
            contents.Add((WeightsEntry, Weights));
        }

        var manifest = new Manifest(
            Format, Contract, CodeVersion, [.. Arguments], [.. MachineArguments], Program.Resources.Name,
            [.. contents.Select(entry => new ManifestItem(entry.Name, entry.Content.Length, DigestOf(entry.Content.Span)))]);
        byte[] first = JsonSerializer.SerializeToUtf8Bytes(manifest, Json);
        return StoredArchive.Write([(ManifestEntry, first), .. contents, (SealEntry, Encoding.ASCII.GetBytes(DigestOf(first) + "\n"))]);
    }

    /// <param name="file">The whole file.</param>
    /// <param name="path">For messages.</param>
    /// <param name="operators">The operators that its graph may have.</param>
    /// <exception cref="RduException">RDU0614: it is damaged. RDU0615: another version of the contract or of the code made it.</exception>
    public static Executable FromBytes(ReadOnlyMemory<byte> file, string path, OperatorCatalogue operators)
    {
        try
        {
            Dictionary<string, ReadOnlyMemory<byte>> entries = StoredArchive.Read(file).ToDictionary(entry => entry.Name, entry => entry.Content);
            ReadOnlyMemory<byte> first = Entry(entries, ManifestEntry);
            if (Encoding.ASCII.GetString(Entry(entries, SealEntry).Span) != DigestOf(first.Span) + "\n")
            {
                throw new InvalidDataException("a manifest with another digest");
            }

            Manifest manifest = JsonSerializer.Deserialize<Manifest>(first.Span, Json)!;
            RequireVersion(path, "format", Format, manifest.Format);
            RequireVersion(path, "numerics contract", Contract, manifest.Contract);
            RequireVersion(path, "code version", CodeVersion, manifest.Code);
            foreach (ManifestItem item in manifest.Entries)
            {
                if (DigestOf(Entry(entries, item.Name).Span) != item.Sha256)
                {
                    throw new InvalidDataException($"entry {item.Name} with another digest");
                }
            }

            if (entries.Count != manifest.Entries.Length + 2)
            {
                throw new InvalidDataException("entries that the manifest does not list");
            }

            Graph graph = GraphText.Read(entries[GraphEntry], operators);
            StoredProgram stored = JsonSerializer.Deserialize<StoredProgram>(entries[ProgramEntry].Span, Json)!;
            var program = new PlacedProgram(
                stored.Resources, stored.Options, MachineLowering.Run(graph, stored.Options.ElementBytes), stored.Sections, stored.Layouts);
            return new Executable(manifest.Arguments, manifest.MachineArguments, graph, program, entries.GetValueOrDefault(MachineEntry), entries.GetValueOrDefault(WeightsEntry));
        }
        catch (Exception error) when (error is InvalidDataException or FormatException or JsonException or ArgumentException or KeyNotFoundException
            or InvalidOperationException or OverflowException)
        {
            throw new RduException(ErrorCatalogue.ExecutableDamaged, path, "a file as rduemu compile writes it", error.Message, "compile the model again");
        }
    }

    private static void RequireVersion(string path, string what, string expected, string got)
    {
        if (got != expected)
        {
            throw new RduException(ErrorCatalogue.ExecutableOutdated, $"{path}, {what}", expected, got, "compile the model again with this version");
        }
    }

    private static ReadOnlyMemory<byte> Entry(Dictionary<string, ReadOnlyMemory<byte>> entries, string name) =>
        entries.TryGetValue(name, out ReadOnlyMemory<byte> content) ? content : throw new InvalidDataException($"no entry {name}");

    private static string DigestOf(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private sealed record Manifest(string Format, string Contract, string Code, string[] Arguments, string[] MachineArguments, string Target, ManifestItem[] Entries);

    private sealed record ManifestItem(string Name, long Bytes, string Sha256);

    /// <summary>Without the machine's view of the graph, which follows from the graph.</summary>
    private sealed record StoredProgram(
        RduResources Resources, PlacementOptions Options, EquatableArray<PlacedSection> Sections, EquatableArray<SectionLayout> Layouts);
}
