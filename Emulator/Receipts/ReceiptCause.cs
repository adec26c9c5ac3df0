using System.Text.Json.Nodes;

namespace RduEmu.Emulator.Receipts;

/// <summary>What differs first between two receipts: the causes before the effects.</summary>
/// <param name="Kind"><c>contract</c>, <c>code</c>, <c>model</c>, <c>seed</c>, <c>options</c>, <c>data</c> or <c>computation</c>.</param>
/// <param name="Where">Which field, and of a computation the first step that is known to differ.</param>
/// <param name="A">What the first receipt has.</param>
/// <param name="B">What the second has.</param>
public sealed record ReceiptCause(string Kind, string Where, string A, string B)
{
    private const int ShownCharacters = 80;

    /// <returns>Null if both are of the same run and came to the same.</returns>
    public static ReceiptCause? First(JsonObject a, JsonObject b) =>
        Field("contract", a, b, "contract")
        ?? Field("code", a, b, "code")
        ?? Field("model", a, b, "command", "model", "preset")
        ?? Members("model", "configuration", a, b)
        ?? Option(a, b, name => name == "seed", "seed")
        ?? Option(a, b, name => name != "seed", "options")
        ?? Field("data", a, b, "data", "dataDigest")
        ?? Field("options", a, b, "steps")
        ?? Loss(a, b)
        ?? Digest(a, b)
        ?? Members("computation", "weights", a, b)
        ?? Field("computation", a, b, "weightsDigest", "outputsDigest");

    private static ReceiptCause? Field(string kind, JsonObject a, JsonObject b, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (!JsonNode.DeepEquals(a[name], b[name]))
            {
                return new ReceiptCause(kind, name, Text(a[name]), Text(b[name]));
            }
        }

        return null;
    }

    private static ReceiptCause? Members(string kind, string name, JsonObject a, JsonObject b)
    {
        if (a[name] is not JsonObject left || b[name] is not JsonObject right)
        {
            return Field(kind, a, b, name);
        }

        foreach (string member in left.Select(pair => pair.Key).Union(right.Select(pair => pair.Key)))
        {
            if (!JsonNode.DeepEquals(left[member], right[member]))
            {
                return new ReceiptCause(kind, $"{name}.{member}", Text(left[member]), Text(right[member]));
            }
        }

        return null;
    }

    private static ReceiptCause? Option(JsonObject a, JsonObject b, Func<string, bool> isMeant, string kind)
    {
        JsonObject left = a["options"] as JsonObject ?? [];
        JsonObject right = b["options"] as JsonObject ?? [];
        foreach (string name in left.Select(pair => pair.Key).Union(right.Select(pair => pair.Key)).Where(isMeant))
        {
            if (!JsonNode.DeepEquals(left[name], right[name]))
            {
                return new ReceiptCause(kind, $"options.{name}", Text(left[name]), Text(right[name]));
            }
        }

        return null;
    }

    /// <summary>The loss of a step is of the parameters before it: the first that differs comes after the first bad step.</summary>
    private static ReceiptCause? Loss(JsonObject a, JsonObject b)
    {
        JsonArray left = a["losses"] as JsonArray ?? [];
        JsonArray right = b["losses"] as JsonArray ?? [];
        int step = FirstUnequal(Math.Min(left.Count, right.Count), i => JsonNode.DeepEquals(left[i], right[i]));
        return step < 0 ? null : new ReceiptCause("computation", $"loss of step {step}", Text(left[step]), Text(right[step]));
    }

    /// <summary>Once parameters differ they stay so: the first digest that differs is found by halving.</summary>
    private static ReceiptCause? Digest(JsonObject a, JsonObject b)
    {
        Dictionary<string, JsonNode?> known = (b["stepDigests"] as JsonArray ?? []).ToDictionary(digest => $"{digest!["step"]}");
        JsonNode?[] left = [.. (a["stepDigests"] as JsonArray ?? []).Where(digest => known.ContainsKey($"{digest!["step"]}"))];
        JsonNode?[] right = [.. left.Select(digest => known[$"{digest!["step"]}"])];
        int count = left.Length;
        int equal = 0;
        int unequal = count;
        while (equal < unequal)
        {
            int middle = (equal + unequal) / 2;
            (equal, unequal) = JsonNode.DeepEquals(left[middle], right[middle]) ? (middle + 1, unequal) : (equal, middle);
        }

        if (unequal == count)
        {
            return null;
        }

        string after = unequal == 0 ? "the beginning" : $"step {left[unequal - 1]!["step"]}";
        return new ReceiptCause(
            "computation", $"the parameters between {after} and step {left[unequal]!["step"]}", Text(left[unequal]!["digest"]), Text(right[unequal]!["digest"]));
    }

    private static int FirstUnequal(int count, Func<int, bool> isEqual)
    {
        for (int i = 0; i < count; i++)
        {
            if (!isEqual(i))
            {
                return i;
            }
        }

        return -1;
    }

    private static string Text(JsonNode? node)
    {
        string text = node?.ToJsonString() ?? "nothing";
        return text.Length <= ShownCharacters ? text.Trim('"') : $"{text[..ShownCharacters]}...";
    }
}
