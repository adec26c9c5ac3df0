using System.CommandLine;
using System.Text.Json.Nodes;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu verify</c>: is a receipt true?</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        Argument<string> path = new("RECEIPT") { Description = "a file that run or train has written" };
        var device = new DeviceOptions();
        Option<bool> bisect = new("--bisect") { Description = "end the repetition at the first recorded digest that differs" };
        Option<bool> json = new("--json") { Description = "one JSON object on stdout" };
        Command command = new("verify", "repeats the run of a receipt, here and now, and accepts or rejects it") { path, bisect, json };
        foreach (Option option in device.All)
        {
            command.Add(option);
        }

        command.SetAction(parsed =>
        {
            (string where, int threads) = device.Read(parsed);
            JsonObject receipt = ReceiptFile.Read(parsed.GetRequiredValue(path));
            var repetition = new Repetition(receipt, parsed.GetValue(bisect));
            ReceiptCause? difference = Verify(receipt, where, threads, repetition);
            Write(parsed.GetValue(json), difference, repetition);
            return (int)(difference is null ? ExitCode.Done : ExitCode.CheckFailed);
        });
        return command;
    }

    private static ReceiptCause? Verify(JsonObject receipt, string device, int threads, Repetition repetition)
    {
        if (!ReceiptFile.IsSealed(receipt))
        {
            return new ReceiptCause("receipt", "seal", "the file as it was written", "a file that was changed");
        }

        if (receipt["code"]?.ToString() != Receipt.CodeVersion)
        {
            return new ReceiptCause("code", "code", $"{receipt["code"]}", Receipt.CodeVersion);
        }

        // Sections are those of a mode; nothing else depends on it.
        string[] mode = receipt["trace"]?["mode"] is { } traced ? ["--mode", $"{traced}"] : [];
        string[] arguments = [.. receipt["arguments"]!.AsArray().Select(argument => $"{argument}"), "--device", device, "--threads", $"{threads}", .. mode];
        ParseResult parsed = CommandTree.Create(repetition.Sink).Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            return new ReceiptCause("options", "arguments", string.Join(' ', arguments), parsed.Errors[0].Message);
        }

        int exit = parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        return repetition.Sink.Receipt is { } repeated
            ? repetition.Compare(ReceiptFile.ToJson(repeated))
            : new ReceiptCause("options", "arguments", string.Join(' ', arguments), $"a command without a receipt, exit code {exit}");
    }

    private static void Write(bool json, ReceiptCause? difference, Repetition repetition)
    {
        string verdict = difference is null ? "accepted" : "rejected";
        if (json)
        {
            Output.WriteJson(new { Verdict = verdict, Passed = difference is null, Reason = difference, StepsRepeated = repetition.Sink.Receipt?.Steps ?? 0 });
            return;
        }

        Console.Out.WriteLine(difference is null
            ? verdict
            : $"{verdict}: {difference.Kind}, {difference.Where}: {difference.A} and {difference.B} ({repetition.Sink.Receipt?.Steps ?? 0} steps repeated)");
    }

    /// <summary>The run of a receipt, repeated; where asked for no further than to the first digest that differs.</summary>
    private sealed class Repetition
    {
        private readonly JsonObject _receipt;
        private bool _isEnded;

        public Repetition(JsonObject receipt, bool bisects)
        {
            _receipt = receipt;
            Dictionary<string, string> recorded = (receipt["stepDigests"] as JsonArray ?? []).ToDictionary(digest => $"{digest!["step"]}", digest => $"{digest!["digest"]} {digest["data"]}");
            Sink = new ReceiptSink
            {
                Accepts = bisects ? digest => !(_isEnded = recorded.TryGetValue($"{digest.Step}", out string? known) && known != $"{digest.Digest} {digest.Data}") : null,
            };
        }

        public ReceiptSink Sink { get; }

        public ReceiptCause? Compare(JsonObject repeated) => _isEnded ? ReceiptCause.FirstOnTheWay(_receipt, repeated) : ReceiptCause.First(_receipt, repeated);
    }
}
