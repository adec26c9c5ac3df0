using System.Text.Encodings.Web;
using System.Text.Json;

namespace RduEmu.Emulator.Reports;

/// <summary>A file of Chrome trace events, which Perfetto opens: named tracks with slices and counters.</summary>
internal sealed class TraceEvents : IDisposable
{
    private readonly MemoryStream _stream = new();
    private readonly Utf8JsonWriter _json;

    /// <param name="process">What all tracks belong to.</param>
    /// <param name="facts">What a reader of the file should know; the unit of time among it.</param>
    public TraceEvents(string process, params ReadOnlySpan<(string Name, string Value)> facts)
    {
        _json = new Utf8JsonWriter(_stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        _json.WriteStartObject();
        _json.WriteString("displayTimeUnit", "ns");
        _json.WriteStartObject("otherData");
        foreach ((string name, string value) in facts)
        {
            _json.WriteString(name, value);
        }

        _json.WriteEndObject();
        _json.WriteStartArray("traceEvents");
        Name("process_name", 0, process);
    }

    public void Track(int thread, string name) => Name("thread_name", thread, name);

    /// <param name="start">In the unit of the file, which viewers call microseconds.</param>
    /// <param name="length">In the same unit.</param>
    public void Slice(int thread, string name, double start, double length, params ReadOnlySpan<(string Name, string Value)> arguments)
    {
        _json.WriteStartObject();
        _json.WriteString("ph", "X");
        _json.WriteString("name", name);
        _json.WriteNumber("pid", 0);
        _json.WriteNumber("tid", thread);
        _json.WriteNumber("ts", start);
        _json.WriteNumber("dur", length);
        _json.WriteStartObject("args");
        foreach ((string argument, string value) in arguments)
        {
            _json.WriteString(argument, value);
        }

        _json.WriteEndObject();
        _json.WriteEndObject();
    }

    public void Counter(string name, double at, double value)
    {
        _json.WriteStartObject();
        _json.WriteString("ph", "C");
        _json.WriteString("name", name);
        _json.WriteNumber("pid", 0);
        _json.WriteNumber("ts", at);
        _json.WriteStartObject("args");
        _json.WriteNumber("value", Math.Round(value, 3));
        _json.WriteEndObject();
        _json.WriteEndObject();
    }

    /// <summary>The file; nothing can be added after it.</summary>
    public byte[] ToBytes()
    {
        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.Flush();
        _stream.WriteByte((byte)'\n');
        return _stream.ToArray();
    }

    public void Dispose()
    {
        _json.Dispose();
        _stream.Dispose();
    }

    private void Name(string kind, int thread, string name)
    {
        _json.WriteStartObject();
        _json.WriteString("ph", "M");
        _json.WriteString("name", kind);
        _json.WriteNumber("pid", 0);
        _json.WriteNumber("tid", thread);
        _json.WriteStartObject("args");
        _json.WriteString("name", name);
        _json.WriteEndObject();
        _json.WriteEndObject();
    }
}
