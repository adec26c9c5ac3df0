using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Executables;

/// <summary>Where two runs differ first.</summary>
/// <param name="Model">Model and preset.</param>
/// <param name="Step">Training step, counted from 0; the number of steps for a prediction.</param>
/// <param name="Section">The section.</param>
/// <param name="Stage">The stage.</param>
/// <param name="Tile">Tile of the value's rows.</param>
/// <param name="Tensor">Name of the value.</param>
/// <param name="Element">Element of it, row-major.</param>
public sealed record ReplayPlace(string Model, long Step, string Section, string Stage, int Tile, string Tensor, long Element);

/// <summary>What one run had there.</summary>
/// <param name="Name">How it was run.</param>
/// <param name="Result">The whole value.</param>
public sealed record ReplaySide(string Name, HostTensor Result);

/// <summary>
/// One stage, to be run again: the nodes that it computes as a graph of their own, what they read, and what two runs made of it. As a
/// file: a zip of <c>manifest.json</c> (format, numerics contract, code version, place, names), <c>graph.json</c>, the tensors one
/// an entry, and <c>seal.sha256</c>, the digest of all the others.
/// </summary>
/// <param name="Place">Where it comes from.</param>
/// <param name="Graph">What is computed.</param>
/// <param name="Target">Where the result stands when the graph has run.</param>
/// <param name="FirstWord">First word of a row of the result that the stage wrote.</param>
/// <param name="CountWords">Words of a row that it wrote: only these are compared.</param>
/// <param name="Given">Every input and parameter of the graph.</param>
/// <param name="First">One run.</param>
/// <param name="Second">The other.</param>
public sealed record StageReplay(
    ReplayPlace Place, Graph Graph, ValueId Target, int FirstWord, int CountWords, IReadOnlyDictionary<ValueId, HostTensor> Given, ReplaySide First, ReplaySide Second)
{
    public const string Format = "rdu-replay/1";

    private const string ManifestEntry = "manifest.json";
    private const string GraphEntry = "graph.json";
    private const string FirstEntry = "first.bin";
    private const string SecondEntry = "second.bin";
    private const string SealEntry = "seal.sha256";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    /// <summary>Version of the code that wrote it.</summary>
    public string Code { get; init; } = Executable.CodeVersion;

    /// <exception cref="OverflowException">The tensors exceed 2 GB.</exception>
    public byte[] ToBytes()
    {
        var manifest = new Manifest(Format, Executable.Contract, Code, Place, Target.Index, FirstWord, CountWords, First.Name, Second.Name);
        List<(string Name, ReadOnlyMemory<byte> Content)> entries =
        [
            (ManifestEntry, JsonSerializer.SerializeToUtf8Bytes(manifest, Json)),
            (GraphEntry, GraphText.Write(Graph)),
            .. Given.OrderBy(given => given.Key.Index).Select(given => (GivenEntry(given.Key), (ReadOnlyMemory<byte>)given.Value.Bytes.ToArray())),
            (FirstEntry, First.Result.Bytes.ToArray()),
            (SecondEntry, Second.Result.Bytes.ToArray()),
        ];
        return StoredArchive.Write([.. entries, (SealEntry, Seal(entries))]);
    }

    /// <param name="file">The whole file.</param>
    /// <param name="path">For messages.</param>
    /// <param name="operators">The operators that its graph may have.</param>
    /// <exception cref="RduException">RDU0702: it is damaged. RDU0703: it has another format or follows another numerics contract.</exception>
    public static StageReplay FromBytes(ReadOnlyMemory<byte> file, string path, OperatorCatalogue operators)
    {
        try
        {
            List<(string Name, ReadOnlyMemory<byte> Content)> list = StoredArchive.Read(file);
            Dictionary<string, ReadOnlyMemory<byte>> entries = list.ToDictionary(entry => entry.Name, entry => entry.Content);
            RequireVersion(path, entries[ManifestEntry]);
            if (list[^1].Name != SealEntry || !list[^1].Content.Span.SequenceEqual(Seal(list[..^1])))
            {
                throw new InvalidDataException("a seal of other content");
            }

            Manifest manifest = JsonSerializer.Deserialize<Manifest>(entries[ManifestEntry].Span, Json)!;
            Graph graph = GraphText.Read(entries[GraphEntry], operators);
            Dictionary<ValueId, HostTensor> given = graph.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter)
                .ToDictionary(value => value.Id, value => new HostTensor(value.Type, entries[GivenEntry(value.Id)]));
            var target = new ValueId(manifest.Target);
            TensorType type = graph.Values[target.Index].Type;
            return new StageReplay(
                manifest.Place, graph, target, manifest.FirstWord, manifest.CountWords, given,
                new ReplaySide(manifest.First, new HostTensor(type, entries[FirstEntry])), new ReplaySide(manifest.Second, new HostTensor(type, entries[SecondEntry])))
            {
                Code = manifest.Code,
            };
        }
        catch (Exception error) when (error is InvalidDataException or FormatException or JsonException or ArgumentException or KeyNotFoundException
            or InvalidOperationException or OverflowException or IndexOutOfRangeException)
        {
            throw new RduException(ErrorCatalogue.ReplayDamaged, path, "a file as rduemu check writes it", error.Message, "let the check write it again");
        }
    }

    private static void RequireVersion(string path, ReadOnlyMemory<byte> manifest)
    {
        using JsonDocument document = JsonDocument.Parse(manifest);
        foreach ((string name, string expected) in new[] { ("format", Format), ("contract", Executable.Contract) })
        {
            string? got = document.RootElement.GetProperty(name).GetString();
            if (got != expected)
            {
                throw new RduException(ErrorCatalogue.ReplayOutdated, $"{path}, {name}", expected, got ?? "none", "run the check again with this version");
            }
        }
    }

    private static byte[] Seal(IEnumerable<(string Name, ReadOnlyMemory<byte> Content)> entries)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((string name, ReadOnlyMemory<byte> content) in entries)
        {
            hash.AppendData(Encoding.ASCII.GetBytes($"{name} {content.Length}\n"));
            hash.AppendData(content.Span);
        }

        return Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash.GetHashAndReset()) + "\n");
    }

    private static string GivenEntry(ValueId id) => $"given.{id.Index}.bin";

    private sealed record Manifest(
        string Format, string Contract, string Code, ReplayPlace Place, int Target, int FirstWord, int CountWords, string First, string Second);
}
