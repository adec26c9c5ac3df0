using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Executables;

/// <summary>
/// A placed program in a file, <c>*.rdux</c>: a zip of <c>manifest.json</c> (format, numerics contract, code version, model, digest of
/// every other entry), <c>graph.pack</c> (the IR), <c>program.pack</c> (chip, options, work, sections, places, routes),
/// <c>machine.json</c> (the description of the machine, by which it is timed) and, optionally, <c>weights.safetensors</c>. The same input
/// gives the same bytes on every machine; a file with any other byte is refused. What it holds is decoded when it is asked for.
/// </summary>
public sealed class Executable
{
    public const string Format = "rdux/3";

    /// <summary>The version of <c>docs/numerics.md</c> that results follow.</summary>
    public const string Contract = "rdu-order/1";

    private const string ManifestEntry = "manifest.json";
    private const string GraphEntry = "graph.pack";
    private const string ProgramEntry = "program.pack";
    private const string MachineEntry = "machine.json";
    private const string WeightsEntry = "weights.safetensors";

    /// <summary>The manifest's own digest: a file of one line.</summary>
    private const string SealEntry = "manifest.sha256";

    private readonly Lazy<Graph> _graph;
    private readonly Lazy<PlacedProgram> _program;

    /// <param name="arguments">The model as the command line has it, from which parameters and data are made again.</param>
    /// <param name="machineArguments">The machine as the command line has it.</param>
    /// <param name="graph">What it computes.</param>
    /// <param name="program">Where.</param>
    /// <param name="machine">The description that the program was compiled for, as it was read; empty if there was none.</param>
    /// <param name="weights">First values of parameters, as a whole safetensors file; empty if they are drawn.</param>
    public Executable(
        IReadOnlyList<string> arguments, IReadOnlyList<string> machineArguments, Graph graph, PlacedProgram program, ReadOnlyMemory<byte> machine,
        ReadOnlyMemory<byte> weights)
        : this(arguments, machineArguments, new Lazy<Graph>(graph), new Lazy<PlacedProgram>(program), machine, weights)
    {
    }

    private Executable(
        IReadOnlyList<string> arguments, IReadOnlyList<string> machineArguments, Lazy<Graph> graph, Lazy<PlacedProgram> program,
        ReadOnlyMemory<byte> machine, ReadOnlyMemory<byte> weights)
    {
        (Arguments, MachineArguments, _graph, _program, Machine, Weights) = (arguments, machineArguments, graph, program, machine, weights);
    }

    /// <summary>The version of the code, as it is stamped into files.</summary>
    public static string CodeVersion { get; } = typeof(Executable).Assembly.GetName().Version!.ToString(3);

    /// <summary>The model as the command line has it, from which parameters and data are made again.</summary>
    public IReadOnlyList<string> Arguments { get; }

    /// <summary>The machine as the command line has it.</summary>
    public IReadOnlyList<string> MachineArguments { get; }

    /// <summary>What it computes.</summary>
    /// <exception cref="RduException">RDU0614: its entry is whole, but no graph.</exception>
    public Graph Graph => _graph.Value;

    /// <summary>Where.</summary>
    /// <exception cref="RduException">RDU0614: its entry is whole, but no program.</exception>
    public PlacedProgram Program => _program.Value;

    /// <summary>The description that the program was compiled for, as it was read; empty if there was none.</summary>
    public ReadOnlyMemory<byte> Machine { get; }

    /// <summary>First values of parameters, as a whole safetensors file; empty if they are drawn.</summary>
    public ReadOnlyMemory<byte> Weights { get; }

    public byte[] ToBytes()
    {
        var contents = new List<(string Name, ReadOnlyMemory<byte> Content)>
        {
            (GraphEntry, GraphPack.Write(Graph)),
            (ProgramEntry, ProgramPack.Write(Program)),
        };
        if (Machine.Length > 0)
        {
            contents.Add((MachineEntry, Machine));
        }

        if (Weights.Length > 0)
        {
            contents.Add((WeightsEntry, Weights));
        }

        byte[] first = new ExecutableManifest(
            Format, Contract, CodeVersion, Arguments, MachineArguments, Program.Resources.Name,
            [.. contents.Select(entry => new ExecutableManifest.Item(entry.Name, entry.Content.Length, DigestOf(entry.Content.Span)))]).ToBytes();
        return StoredArchive.Write([(ManifestEntry, first), .. contents, (SealEntry, Encoding.ASCII.GetBytes(DigestOf(first) + "\n"))]);
    }

    /// <summary>Every byte is checked; graph and program are decoded when they are asked for.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="path">For messages.</param>
    /// <param name="operators">The operators that its graph may have.</param>
    /// <exception cref="RduException">RDU0614: it is damaged. RDU0615: another version of the contract or of the code made it.</exception>
    public static Executable FromBytes(ReadOnlyMemory<byte> file, string path, OperatorCatalogue operators) => Decode(path, () =>
    {
        List<(string Name, ReadOnlyMemory<byte> Content)> entries = StoredArchive.Read(file);
        ReadOnlyMemory<byte> first = Entry(entries, ManifestEntry);
        if (Encoding.ASCII.GetString(Entry(entries, SealEntry).Span) != DigestOf(first.Span) + "\n")
        {
            throw new InvalidDataException("a manifest with another digest");
        }

        ExecutableManifest manifest = ExecutableManifest.Read(first);
        RequireVersion(path, "format", Format, manifest.Format);
        RequireVersion(path, "numerics contract", Contract, manifest.Contract);
        RequireVersion(path, "code version", CodeVersion, manifest.Code);
        foreach (ExecutableManifest.Item item in manifest.Entries)
        {
            if (DigestOf(Entry(entries, item.Name).Span) != item.Sha256)
            {
                throw new InvalidDataException($"entry {item.Name} with another digest");
            }
        }

        if (entries.Count != manifest.Entries.Count + 2)
        {
            throw new InvalidDataException("entries that the manifest does not list");
        }

        ReadOnlyMemory<byte> graph = Entry(entries, GraphEntry);
        ReadOnlyMemory<byte> program = Entry(entries, ProgramEntry);
        return new Executable(
            manifest.Arguments, manifest.MachineArguments,
            new Lazy<Graph>(() => Decode(path, () => GraphPack.Read(graph.Span, operators))),
            new Lazy<PlacedProgram>(() => Decode(path, () => ProgramPack.Read(program.Span))),
            Find(entries, MachineEntry), Find(entries, WeightsEntry));
    });

    /// <summary>Whatever is wrong with the bytes is one error of the user's file.</summary>
    private static T Decode<T>(string path, Func<T> read)
    {
        try
        {
            return read();
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

    private static ReadOnlyMemory<byte> Entry(List<(string Name, ReadOnlyMemory<byte> Content)> entries, string name) =>
        entries.Exists(entry => entry.Name == name) ? Find(entries, name) : throw new InvalidDataException($"no entry {name}");

    /// <summary>The entry of this name; empty if there is none.</summary>
    private static ReadOnlyMemory<byte> Find(List<(string Name, ReadOnlyMemory<byte> Content)> entries, string name) =>
        entries.Find(entry => entry.Name == name).Content;

    private static string DigestOf(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content));
}
