using System.CommandLine;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine.Families;

/// <summary>Every model of the command line. A new one is a line here.</summary>
internal static class ModelCatalogue
{
    /// <summary>Fresh families: options belong to one command.</summary>
    public static IReadOnlyList<IModelFamily> Create() =>
    [
        new DlrmFamily(),
        new BertFamily(),
        new UnetFamily(),
    ];

    /// <summary>A command with a subcommand for each model, which has the common options, the command's and the model's.</summary>
    /// <param name="name">Of the command.</param>
    /// <param name="description">Of the command.</param>
    /// <param name="create">Makes the command's own options and what it does with a request.</param>
    public static Command CreateCommand(string name, string description, Func<IModelCommand> create)
    {
        Argument<string?> unknown = new("MODEL") { Arity = ArgumentArity.ZeroOrOne, Description = Names, Hidden = true };
        Command command = new(name, description) { unknown };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(new Func<ParseResult, int>(parsed => throw (parsed.GetValue(unknown) is { } model ? NoSuchModel(model) : NoModel(name))));
        foreach (IModelFamily family in Create())
        {
            var options = new CommonOptions(family);
            IModelCommand own = create();
            Command sub = new(family.Name, family.Description);
            foreach (Option option in (IEnumerable<Option>)[.. family.Options, .. options.All, .. own.Options])
            {
                sub.Add(option);
            }

            sub.SetAction(parsed => own.Run(parsed, options.Read(parsed)));
            command.Add(sub);
        }

        return command;
    }

    private static string Names => string.Join(", ", Create().Select(family => family.Name));

    private static RduException NoSuchModel(string got) => new(ErrorCatalogue.NameUnknown, "MODEL", Names, got, "choose one of the models");

    private static RduException NoModel(string command) => new(ErrorCatalogue.OptionInvalid, $"rduemu {command}", $"a model: {Names}", "none", "name a model");
}

/// <summary>What a command does with whichever model.</summary>
internal interface IModelCommand
{
    /// <summary>Its own options, beside the common and the model's.</summary>
    IReadOnlyList<Option> Options { get; }

    /// <returns>The exit code.</returns>
    int Run(ParseResult parsed, ModelRequest request);
}
