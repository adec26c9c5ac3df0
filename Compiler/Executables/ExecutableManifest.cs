using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace RduEmu.Compiler.Executables;

/// <summary>The first entry of an executable, in JSON: who made it, of what, and the digest of every other entry.</summary>
/// <param name="Format">Version of the file's form.</param>
/// <param name="Contract">Version of the numerics contract that results follow.</param>
/// <param name="Code">Version of the code.</param>
/// <param name="Arguments">The model as the command line has it.</param>
/// <param name="MachineArguments">The machine as the command line has it.</param>
/// <param name="Target">The part that it was placed on.</param>
internal sealed record ExecutableManifest(
    string Format, string Contract, string Code, IReadOnlyList<string> Arguments, IReadOnlyList<string> MachineArguments, string Target,
    IReadOnlyList<ExecutableManifest.Item> Entries)
{
    /// <param name="Sha256">In small hexadecimal digits.</param>
    public sealed record Item(string Name, long Bytes, string Sha256);

    public byte[] ToBytes()
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("format", Format);
            json.WriteString("contract", Contract);
            json.WriteString("code", Code);
            Write(json, "arguments", Arguments);
            Write(json, "machineArguments", MachineArguments);
            json.WriteString("target", Target);
            json.WriteStartArray("entries");
            foreach (Item entry in Entries)
            {
                json.WriteStartObject();
                json.WriteString("name", entry.Name);
                json.WriteNumber("bytes", entry.Bytes);
                json.WriteString("sha256", entry.Sha256);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <exception cref="JsonException">Not JSON.</exception>
    /// <exception cref="KeyNotFoundException">A member is missing.</exception>
    /// <exception cref="InvalidOperationException">A member is of another kind.</exception>
    public static ExecutableManifest Read(ReadOnlyMemory<byte> text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        JsonElement root = document.RootElement;
        var entries = new List<Item>();
        foreach (JsonElement entry in root.GetProperty("entries").EnumerateArray())
        {
            entries.Add(new Item(Text(entry, "name"), entry.GetProperty("bytes").GetInt64(), Text(entry, "sha256")));
        }

        return new ExecutableManifest(
            Text(root, "format"), Text(root, "contract"), Text(root, "code"), Texts(root, "arguments"), Texts(root, "machineArguments"), Text(root, "target"),
            entries);
    }

    private static void Write(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (string text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? throw new InvalidDataException($"no {name}");

    private static List<string> Texts(JsonElement element, string name)
    {
        var texts = new List<string>();
        foreach (JsonElement item in element.GetProperty(name).EnumerateArray())
        {
            texts.Add(item.GetString() ?? throw new InvalidDataException($"no text in {name}"));
        }

        return texts;
    }
}
