using System.CommandLine;
using RduEmu.Models.Recomputation;

namespace RduEmu.Emulator.CommandLine;

/// <summary>Which layers are computed again for their gradients.</summary>
internal sealed class RecomputeOption
{
    public Option<string?> Option { get; } = new("--recompute")
    {
        Description = "layers whose inner values are computed again for their gradients instead of being kept: all, or names as encoder1,decoder1; bits do not depend on it",
    };

    /// <summary>The request for the model that recomputes, if that was asked for.</summary>
    public ModelRequest Apply(ParseResult parsed, ModelRequest request) => parsed.GetValue(Option) is { } layers
        ? request with { Model = new RecomputingModel(request.Model, layers.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)) }
        : request;
}
