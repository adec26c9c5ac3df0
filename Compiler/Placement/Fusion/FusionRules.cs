using System.Reflection;
using System.Text;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Errors;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace RduEmu.Compiler.Placement.Fusion;

/// <summary>When a match is taken.</summary>
public enum FusionHeuristic
{
    /// <summary>Always, if it fits the chip.</summary>
    None,

    /// <summary>If it fits and is not slower than its operators by themselves.</summary>
    SafeGemm,

    /// <summary>If it fits: the attention of all heads, whose scores never leave the chip.</summary>
    Mha,

    /// <summary>If it fits: scores, softmax and context, whose scores never leave the chip.</summary>
    Sdpa,
}

/// <summary>One operator of a pattern.</summary>
/// <param name="OperatorTypes">Names that it may have.</param>
/// <param name="Children">Entries that read its result.</param>
/// <param name="IsRequired">False if it may be absent; parents are then connected to its children.</param>
/// <param name="IsIncluded">False if it must be there but stays outside.</param>
/// <param name="MatchFirstOption">True if only the first operator that fits is tried.</param>
public sealed record FusionEntry(
    string Name, EquatableArray<string> OperatorTypes, EquatableArray<string> Children, bool IsRequired = true, bool IsIncluded = true, bool MatchFirstOption = false);

public sealed record FusionRule(string Name, int Priority, FusionHeuristic Heuristic, EquatableArray<FusionEntry> Pattern);

/// <summary>The rules of mode o1, from the YAML form that SambaFlow documents; the higher priority first, then as they stand.</summary>
public sealed record FusionRules(EquatableArray<FusionRule> Rules)
{
    private const string DefaultResource = "RduEmu.Compiler.Placement.Fusion.default-rules.yaml";

    private static readonly Dictionary<string, FusionHeuristic> Heuristics = new()
    {
        ["SAFE_GEMM"] = FusionHeuristic.SafeGemm,
        ["MHA"] = FusionHeuristic.Mha,
        ["GPT2_QKV"] = FusionHeuristic.Mha,
        ["SDPA"] = FusionHeuristic.Sdpa,
    };

    /// <summary>The rules that are used where no others are given.</summary>
    public static FusionRules Default { get; } = ReadDefault();

    /// <param name="text">YAML.</param>
    /// <param name="path">For messages.</param>
    /// <exception cref="RduException">RDU0613: not such a file; the message says which rule and what.</exception>
    public static FusionRules Parse(string text, string path)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException error)
        {
            throw Invalid($"{path}, line {error.Start.Line}", "YAML", error.Message);
        }

        if (stream.Documents.Count != 1 || stream.Documents[0].RootNode is not YamlMappingNode root)
        {
            throw Invalid(path, "a mapping of rules by name", "something else");
        }

        var rules = new List<FusionRule>();
        foreach ((string name, YamlNode node) in Members(root, path))
        {
            rules.Add(ReadRule(name, node, $"{path}, rule {name}"));
        }

        return new FusionRules(EquatableArray.Create<FusionRule>([.. rules.OrderByDescending(rule => rule.Priority)]));
    }

    /// <summary>An operator's name as rules have it: <c>LayerNorm</c> is <c>layer_norm</c>.</summary>
    public static string TypeNameOf(string operatorName)
    {
        var text = new StringBuilder();
        foreach (char letter in operatorName)
        {
            if (char.IsAsciiLetterUpper(letter) && text.Length > 0)
            {
                text.Append('_');
            }

            text.Append(char.ToLowerInvariant(letter));
        }

        return text.ToString();
    }

    private static FusionRules ReadDefault()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(DefaultResource)!;
        using var reader = new StreamReader(stream);
        return Parse(reader.ReadToEnd(), "the default rules");
    }

    private static FusionRule ReadRule(string name, YamlNode node, string where)
    {
        int priority = 0;
        FusionHeuristic heuristic = FusionHeuristic.None;
        var entries = new List<FusionEntry>();
        foreach ((string key, YamlNode value) in Members(node, where))
        {
            switch (key)
            {
                case "priority" when int.TryParse(Scalar(value, where), out priority):
                    break;
                case "heuristic" when Heuristics.TryGetValue(Scalar(value, where), out heuristic):
                    break;
                case "pattern":
                    entries.AddRange(Members(value, where).Select(entry => ReadEntry(entry.Name, entry.Value, $"{where}, {entry.Name}")));
                    break;
                case "heuristic":
                    throw Invalid(where, $"a heuristic of {string.Join(", ", Heuristics.Keys)}", Scalar(value, where));
                default:
                    throw Invalid(where, "priority (a whole number), heuristic and pattern", $"{key}: {value}");
            }
        }

        if (entries.Count == 0)
        {
            throw Invalid(where, "a pattern of at least one operator", "none");
        }

        string[] names = [.. entries.Select(entry => entry.Name)];
        foreach (FusionEntry entry in entries)
        {
            foreach (string child in entry.Children)
            {
                if (Array.IndexOf(names, child) <= Array.IndexOf(names, entry.Name))
                {
                    throw Invalid($"{where}, {entry.Name}", "a child that stands below it in the pattern", child);
                }
            }
        }

        return new FusionRule(name, priority, heuristic, EquatableArray.Create<FusionEntry>([.. entries]));
    }

    private static FusionEntry ReadEntry(string name, YamlNode node, string where)
    {
        var entry = new FusionEntry(name, [], []);
        foreach ((string key, YamlNode value) in Members(node, where))
        {
            entry = key switch
            {
                "op_type" => entry with { OperatorTypes = List(value, where) },
                "child" or "children" => entry with { Children = List(value, where) },
                "required" => entry with { IsRequired = Flag(value, where) },
                "included" => entry with { IsIncluded = Flag(value, where) },
                "match_first_option" => entry with { MatchFirstOption = Flag(value, where) },
                _ => throw Invalid(where, "op_type, child, children, required, included or match_first_option", key),
            };
        }

        return entry.OperatorTypes.Count > 0 ? entry : throw Invalid(where, "an op_type", "none");
    }

    private static IEnumerable<(string Name, YamlNode Value)> Members(YamlNode node, string where) => node is YamlMappingNode mapping
        ? mapping.Children.Select(pair => (Scalar(pair.Key, where), pair.Value))
        : throw Invalid(where, "a mapping", $"{node}");

    private static string Scalar(YamlNode node, string where) => node is YamlScalarNode { Value: { Length: > 0 } text } ? text : throw Invalid(where, "a word", $"{node}");

    private static EquatableArray<string> List(YamlNode node, string where) => node is YamlSequenceNode list
        ? EquatableArray.Create<string>([.. list.Children.Select(item => Scalar(item, where))])
        : EquatableArray.Create<string>([Scalar(node, where)]);

    private static bool Flag(YamlNode node, string where) => bool.TryParse(Scalar(node, where), out bool value) ? value : throw Invalid(where, "true or false", $"{node}");

    private static RduException Invalid(string where, string expected, string got) =>
        new(ErrorCatalogue.FusionRuleInvalid, where, expected, got, "correct the rule at this place");
}
