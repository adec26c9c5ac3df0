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
        Given(a, b)
        ?? Field("data", a, b, "dataDigest")
        ?? Field("options", a, b, "steps")
        ?? Computed(a, b)
        ?? Members("computation", "weights", a, b)
        ?? Field("computation", a, b, "weightsDigest", "outputsDigest");

    /// <summary>The same of a run that was ended at the first digest that differs: only what both know is compared.</summary>
    public static ReceiptCause? FirstOnTheWay(JsonObject a, JsonObject b) => Given(a, b) ?? Computed(a, b);

    private static ReceiptCause? Given(JsonObject a, JsonObject b) =>
        Field("contract", a, b, "contract")
        ?? Field("code", a, b, "code")
        ?? Field("model", a, b, "command", "model", "preset")
        ?? Members("model", "configuration", a, b)
        ?? Option(a, b, name => name == "seed", "seed")
        ?? Option(a, b, name => name != "seed", "options")
        ?? Field("data", a, b, "data")
        ?? Digest(a, b, "data", "data", "the samples");

    private static ReceiptCause? Computed(JsonObject a, JsonObject b) => Section(a, b) ?? Loss(a, b) ?? Digest(a, b, "computation", "digest", "the parameters");

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

    /// <summary>Digests on the way that both have, and the first of them that differs: once they differ they stay so, it is found by halving.</summary>
    private static (JsonNode?[] Left, JsonNode?[] Right, int Unequal) StepDigests(JsonObject a, JsonObject b, string member)
    {
        Dictionary<string, JsonNode?> known = (b["stepDigests"] as JsonArray ?? []).ToDictionary(digest => $"{digest!["step"]}");
        JsonNode?[] left = [.. (a["stepDigests"] as JsonArray ?? []).Where(digest => known.ContainsKey($"{digest!["step"]}"))];
        JsonNode?[] right = [.. left.Select(digest => known[$"{digest!["step"]}"])];
        return (left, right, Halve(0, left.Length, i => JsonNode.DeepEquals(left[i]![member], right[i]![member])));
    }

    private static ReceiptCause? Digest(JsonObject a, JsonObject b, string kind, string member, string what)
    {
        (JsonNode?[] left, JsonNode?[] right, int unequal) = StepDigests(a, b, member);
        if (unequal == left.Length)
        {
            return null;
        }

        string after = unequal == 0 ? "the beginning" : $"step {left[unequal - 1]!["step"]}";
        return new ReceiptCause(kind, $"{what} between {after} and step {left[unequal]!["step"]}", Text(left[unequal]![member]), Text(right[unequal]![member]));
    }

    /// <summary>
    /// Where both have the digests of sections: the first section of the first step that differs, by halving between the last digest of
    /// parameters that is equal and the first that is not.
    /// </summary>
    private static ReceiptCause? Section(JsonObject a, JsonObject b)
    {
        if (a["trace"] is not JsonObject left || b["trace"] is not JsonObject right
            || !JsonNode.DeepEquals(left["mode"], right["mode"]) || !JsonNode.DeepEquals(left["sections"], right["sections"]))
        {
            return null;
        }

        JsonArray mine = left["steps"] as JsonArray ?? [];
        JsonArray theirs = right["steps"] as JsonArray ?? [];
        (JsonNode?[] known, _, int unequal) = StepDigests(a, b, "digest");
        int count = Math.Min(mine.Count, theirs.Count);
        int from = Math.Min(count, unequal == 0 ? 0 : (int)known[unequal - 1]!["step"]!);
        int to = unequal == known.Length ? count : Math.Min(count, (int)known[unequal]!["step"]!);
        int step = Halve(from, to, i => JsonNode.DeepEquals(mine[i], theirs[i]));
        if (step == to)
        {
            return null;
        }

        string[] here = $"{mine[step]}".Split(' ');
        string[] there = $"{theirs[step]}".Split(' ');
        int section = FirstUnequal(Math.Min(here.Length, there.Length), i => here[i] == there[i]);
        return section < 0 ? null : new ReceiptCause("computation", $"step {step}, section {left["sections"]![section]}", here[section], there[section]);
    }

    /// <summary>The first of the positions [from, to) that is not equal, all after it being unequal too; <paramref name="to"/> if there is none.</summary>
    private static int Halve(int from, int to, Func<int, bool> isEqual)
    {
        while (from < to)
        {
            int middle = from + (to - from) / 2;
            (from, to) = isEqual(middle) ? (middle + 1, to) : (from, middle);
        }

        return to;
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
