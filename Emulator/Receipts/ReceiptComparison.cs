using System.Text.Json;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Receipts;

/// <summary>A field that two receipts do not agree on; null where one has none of it.</summary>
public sealed record ReceiptDifference(string Field, string? First, string? Second);

/// <summary>Two receipts, field by field in the order of the first.</summary>
public static class ReceiptComparison
{
    /// <exception cref="RduException">RDU0101, RDU0603: a file is missing or is no JSON object.</exception>
    public static IReadOnlyList<ReceiptDifference> Of(string first, string second)
    {
        List<KeyValuePair<string, string>> a = Read(first);
        Dictionary<string, string> b = Read(second).ToDictionary();
        var differences = new List<ReceiptDifference>();
        foreach ((string field, string value) in a)
        {
            string? other = b.GetValueOrDefault(field);
            if (other != value)
            {
                differences.Add(new ReceiptDifference(field, value, other));
            }

            b.Remove(field);
        }

        differences.AddRange(b.Select(left => new ReceiptDifference(left.Key, null, left.Value)));
        return differences;
    }

    private static List<KeyValuePair<string, string>> Read(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            var fields = new List<KeyValuePair<string, string>>();
            Flatten(document.RootElement, string.Empty, fields);
            return fields;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a receipt", error.Message, "name a file that exists");
        }
        catch (JsonException error)
        {
            throw new RduException(ErrorCatalogue.ReportInvalid, path, "a receipt", error.Message, "name a receipt");
        }
    }

    private static void Flatten(JsonElement element, string path, List<KeyValuePair<string, string>> fields)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    Flatten(property.Value, path.Length == 0 ? property.Name : $"{path}.{property.Name}", fields);
                }

                break;
            case JsonValueKind.Array:
                int index = 0;
                foreach (JsonElement item in element.EnumerateArray())
                {
                    Flatten(item, $"{path}[{index++}]", fields);
                }

                break;
            default:
                fields.Add(new KeyValuePair<string, string>(path, element.ToString()));
                break;
        }
    }
}
