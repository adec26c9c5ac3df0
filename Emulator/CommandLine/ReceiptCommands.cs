using System.CommandLine;
using System.Text.Json.Nodes;
using RduEmu.Emulator.Receipts;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu verify</c> and <c>rduemu diff</c>: is a receipt true, and what differs between two.</summary>
internal static class ReceiptCommands
{
    public static Command CreateVerify()
    {
        Argument<string> path = new("RECEIPT") { Description = "a file that run or train has written" };
        var device = new DeviceOptions();
        Option<bool> json = new("--json") { Description = "one JSON object on stdout" };
        Command command = new("verify", "repeats the run of a receipt, here and now, and accepts or rejects it") { path, json };
        foreach (Option option in device.All)
        {
            command.Add(option);
        }

        command.SetAction(parsed =>
        {
            (string where, int threads) = device.Read(parsed);
            JsonObject receipt = ReceiptFile.Read(parsed.GetRequiredValue(path));
            ReceiptDifference? difference = Verify(receipt, where, threads);
            Write(parsed.GetValue(json), difference, "accepted", "rejected");
            return (int)(difference is null ? ExitCode.Done : ExitCode.CheckFailed);
        });
        return command;
    }

    public static Command CreateDiff()
    {
        Argument<string> first = new("A") { Description = "a receipt" };
        Argument<string> second = new("B") { Description = "another" };
        Option<bool> json = new("--json") { Description = "one JSON object on stdout" };
        Command command = new("diff", "what differs first between two receipts: data, seed, options, code or a computation") { first, second, json };
        command.SetAction(parsed =>
        {
            ReceiptDifference? difference = ReceiptDifference.First(ReceiptFile.Read(parsed.GetRequiredValue(first)), ReceiptFile.Read(parsed.GetRequiredValue(second)));
            Write(parsed.GetValue(json), difference, "same", "different");
            return (int)(difference is null ? ExitCode.Done : ExitCode.CheckFailed);
        });
        return command;
    }

    private static ReceiptDifference? Verify(JsonObject receipt, string device, int threads)
    {
        if (!ReceiptFile.IsSealed(receipt))
        {
            return new ReceiptDifference("receipt", "seal", "the file as it was written", "a file that was changed");
        }

        if (receipt["code"]?.ToString() != Receipt.CodeVersion)
        {
            return new ReceiptDifference("code", "code", $"{receipt["code"]}", Receipt.CodeVersion);
        }

        var sink = new ReceiptSink();
        string[] arguments = [.. receipt["arguments"]!.AsArray().Select(argument => $"{argument}"), "--device", device, "--threads", $"{threads}"];
        ParseResult parsed = CommandTree.Create(sink).Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            return new ReceiptDifference("options", "arguments", string.Join(' ', arguments), parsed.Errors[0].Message);
        }

        int exit = parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        return sink.Receipt is { } repeated
            ? ReceiptDifference.First(receipt, ReceiptFile.ToJson(repeated))
            : new ReceiptDifference("options", "arguments", string.Join(' ', arguments), $"a command without a receipt, exit code {exit}");
    }

    private static void Write(bool json, ReceiptDifference? difference, string same, string other)
    {
        string verdict = difference is null ? same : other;
        if (json)
        {
            Output.WriteJson(new { Verdict = verdict, Passed = difference is null, Reason = difference });
            return;
        }

        Console.Out.WriteLine(difference is null
            ? verdict
            : $"{verdict}: {difference.Kind}, {difference.Where}: {difference.A} and {difference.B}");
    }
}
