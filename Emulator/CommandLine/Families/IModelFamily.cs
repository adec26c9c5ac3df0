using System.CommandLine;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.CommandLine.Families;

/// <summary>
/// A model as the command line knows it: its name, the options that only it has, and what they make. Made anew for every
/// command; see <see cref="ModelCatalogue"/>.
/// </summary>
internal interface IModelFamily
{
    /// <summary>What the user types after run, train and check.</summary>
    string Name { get; }

    /// <summary>For the help, one line.</summary>
    string Description { get; }

    /// <summary>Its own options: the preset, the data, the optimiser and what else it has; names of common options are taken.</summary>
    IReadOnlyList<Option> Options { get; }

    /// <summary>Values of <c>--precision</c> that it takes.</summary>
    IReadOnlyList<string> Precisions => ["fp32"];

    /// <summary>What its options, and the common ones where they matter to it, ask for.</summary>
    /// <exception cref="Kernels.Errors.RduException">RDU0201, RDU0202: an option has a value that cannot be used.</exception>
    ModelChoice Read(ParseResult parsed, CommonChoices common);
}

/// <summary>A model and its data, chosen by the user.</summary>
/// <param name="Model">All choices made.</param>
/// <param name="OpenData">Opens the data; called again for each reader that goes its own way.</param>
internal sealed record ModelChoice(IModel Model, Func<IModelData> OpenData);
