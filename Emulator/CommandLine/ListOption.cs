using System.CommandLine;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary>Options that take several values, separated by commas.</summary>
internal static class ListOption
{
    public static Option<string[]> OfNames(string name, string description, params string[] otherwise) => Of(name, description, text => text, otherwise);

    /// <exception cref="RduException">RDU0201, when it is parsed: not numbers.</exception>
    public static Option<int[]> OfNumbers(string name, string description, params int[] otherwise) => Of(
        name, description,
        text => int.TryParse(text, out int value) ? value : throw new RduException(ErrorCatalogue.OptionInvalid, name, "numbers separated by commas", text, "correct the list"),
        otherwise);

    private static Option<T[]> Of<T>(string name, string description, Func<string, T> parse, T[] otherwise) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => otherwise,
        CustomParser = result => [.. result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Select(parse)],
        AllowMultipleArgumentsPerToken = true,
    };
}
