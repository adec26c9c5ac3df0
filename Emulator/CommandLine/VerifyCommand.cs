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
            ReceiptCause? difference = Verify(receipt, where, threads);
            Write(parsed.GetValue(json), difference);
            return (int)(difference is null ? ExitCode.Done : ExitCode.CheckFailed);
        });
        return command;
    }

    private static ReceiptCause? Verify(JsonObject receipt, string device, int threads)
    {
        if (!ReceiptFile.IsSealed(receipt))
        {
            return new ReceiptCause("receipt", "seal", "the file as it was written", "a file that was changed");
        }

        if (receipt["code"]?.ToString() != Receipt.CodeVersion)
        {
            return new ReceiptCause("code", "code", $"{receipt["code"]}", Receipt.CodeVersion);
        }

        var sink = new ReceiptSink();
        string[] arguments = [.. receipt["arguments"]!.AsArray().Select(argument => $"{argument}"), "--device", device, "--threads", $"{threads}"];
        ParseResult parsed = CommandTree.Create(sink).Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            return new ReceiptCause("options", "arguments", string.Join(' ', arguments), parsed.Errors[0].Message);
        }

        int exit = parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        return sink.Receipt is { } repeated
            ? ReceiptCause.First(receipt, ReceiptFile.ToJson(repeated))
            : new ReceiptCause("options", "arguments", string.Join(' ', arguments), $"a command without a receipt, exit code {exit}");
    }

    private static void Write(bool json, ReceiptCause? difference)
    {
        string verdict = difference is null ? "accepted" : "rejected";
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
