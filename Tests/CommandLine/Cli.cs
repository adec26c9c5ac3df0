using System.Text.Json;
using RduEmu.Emulator.CommandLine;

namespace RduEmu.Tests.CommandLine;

/// <summary>A command line run in this process, with what it wrote.</summary>
internal sealed record Cli(int Exit, string Out, string Error)
{
    public JsonElement Json
    {
        get
        {
            using JsonDocument document = JsonDocument.Parse(Out);
            return document.RootElement.Clone();
        }
    }

    public static Cli Run(params string[] args)
    {
        TextWriter keptOut = Console.Out;
        TextWriter keptError = Console.Error;
        using var written = new StringWriter();
        using var errors = new StringWriter();
        Console.SetOut(written);
        Console.SetError(errors);
        try
        {
            int exit = CommandRunner.Run(CommandTree.Create(), args);
            return new Cli(exit, written.ToString(), errors.ToString());
        }
        finally
        {
            Console.SetOut(keptOut);
            Console.SetError(keptError);
        }
    }
}
