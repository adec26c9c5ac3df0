using System.Globalization;
using System.Text;
using System.Text.Json;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Reports;

/// <summary>One section in two reports; cycles are null where a report has none of it.</summary>
public sealed record SectionChange(string Type, string Name, long? First, long? Second)
{
    public long Difference => (Second ?? 0) - (First ?? 0);
}

/// <summary>Two report folders: what moved, and by how much. Sections are matched by type and name, equal names in their order.</summary>
public sealed record ReportComparison(string FirstTitle, string SecondTitle, long FirstCycles, long SecondCycles, IReadOnlyList<SectionChange> Sections)
{
    public bool IsEqual => FirstCycles == SecondCycles && Sections.All(section => section.First == section.Second);

    /// <summary>True if the folder holds a report.</summary>
    public static bool IsReport(string folder) => File.Exists(Path.Combine(folder, ReportFolder.Sections));

    /// <exception cref="RduException">RDU0101, RDU0603: a folder holds no report, or a damaged one.</exception>
    public static ReportComparison Of(string first, string second)
    {
        (string firstTitle, long firstCycles, List<(string Type, string Name, long Cycles)> a) = Read(first);
        (string secondTitle, long secondCycles, List<(string Type, string Name, long Cycles)> b) = Read(second);
        var changes = new List<SectionChange>();
        var rest = b.GroupBy(row => (row.Type, row.Name)).ToDictionary(group => group.Key, group => new Queue<long>(group.Select(row => row.Cycles)));
        foreach ((string type, string name, long cycles) in a)
        {
            bool found = rest.TryGetValue((type, name), out Queue<long>? others) && others.Count > 0;
            changes.Add(new SectionChange(type, name, cycles, found ? others!.Dequeue() : null));
        }

        foreach ((string type, string name, long _) in b)
        {
            if (rest.TryGetValue((type, name), out Queue<long>? left) && left.Count > 0)
            {
                changes.Add(new SectionChange(type, name, null, left.Dequeue()));
            }
        }

        return new ReportComparison(firstTitle, secondTitle, firstCycles, secondCycles, changes);
    }

    private static (string Title, long Cycles, List<(string Type, string Name, long Cycles)> Sections) Read(string folder)
    {
        try
        {
            using JsonDocument summary = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, ReportFolder.Summary)));
            List<string[]> rows = Rows(File.ReadAllText(Path.Combine(folder, ReportFolder.Sections)));
            int type = Array.IndexOf(rows[0], "section type");
            int cycles = Array.IndexOf(rows[0], "measured latency (cycles)");
            int name = Array.IndexOf(rows[0], "name");
            return (
                $"{summary.RootElement.GetProperty("title").GetString()} on {summary.RootElement.GetProperty("target").GetString()}",
                summary.RootElement.GetProperty("stepCycles").GetInt64(),
                [.. rows.Skip(1).Select(row => (row[type], row[name], long.Parse(row[cycles], CultureInfo.InvariantCulture)))]);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, folder, "a folder that rduemu report wrote", error.Message, "name a report's folder");
        }
        catch (Exception error) when (error is JsonException or FormatException or KeyNotFoundException or IndexOutOfRangeException or ArgumentOutOfRangeException or InvalidOperationException)
        {
            throw new RduException(ErrorCatalogue.ReportInvalid, folder, "a report as rduemu writes it", error.Message, "write the report again");
        }
    }

    /// <summary>RFC 4180: quoted fields may hold commas, quotes and line breaks.</summary>
    private static List<string[]> Rows(string text)
    {
        var rows = new List<string[]>();
        var row = new List<string>();
        var field = new StringBuilder();
        bool quoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (quoted)
            {
                if (c != '"')
                {
                    field.Append(c);
                }
                else if (i + 1 < text.Length && text[i + 1] == '"')
                {
                    field.Append(c);
                    i++;
                }
                else
                {
                    quoted = false;
                }
            }
            else if (c == '"')
            {
                quoted = true;
            }
            else if (c is ',' or '\n')
            {
                row.Add(field.ToString());
                field.Clear();
                if (c == '\n')
                {
                    rows.Add([.. row]);
                    row.Clear();
                }
            }
            else
            {
                field.Append(c);
            }
        }

        return rows;
    }
}
