using System.CommandLine;
using System.CommandLine.Parsing;

namespace RduEmu.Emulator.CommandLine;

/// <summary>The part of a command line that a receipt keeps: what the bits depend on, not where they are computed nor what is written.</summary>
internal static class ReceiptArguments
{
    private static readonly HashSet<string> LeftOut =
    [
        "--device", "--threads", "--mode", "--tile", "--arena-file", "--memory-limit", "--sockets", "--parallel", "--accumulate", "--json", "--receipt",
        "--checkpoint", "--checkpoint-every", "--resume", "--plot",
    ];

    public static IReadOnlyList<string> Of(ParseResult parsed)
    {
        var kept = new List<string>();
        bool isLeftOut = false;
        foreach (Token token in parsed.Tokens)
        {
            isLeftOut = token.Type == TokenType.Option ? LeftOut.Contains(token.Value) : isLeftOut && token.Type == TokenType.Argument;
            if (!isLeftOut)
            {
                kept.Add(token.Value);
            }
        }

        return kept;
    }
}

/// <summary>Takes the receipt of a run that is repeated to be verified: such a run prints and writes nothing.</summary>
internal sealed class ReceiptSink
{
    /// <summary>Shown the digests on the way; false ends the run. Null to let it go to its end.</summary>
    public Func<Training.StepDigest, bool>? Accepts { get; init; }

    public Receipts.Receipt? Receipt { get; set; }
}
