using System.Collections.Immutable;
using RduEmu.Kernels.Errors;

namespace RduEmu.Models.Llm;

/// <summary>A decoder of the Llama family (Touvron et al., arXiv:2302.13971 and arXiv:2307.09288; Dubey et al., arXiv:2407.21783).</summary>
/// <param name="Name">Preset name.</param>
/// <param name="Layers">Decoder layers.</param>
/// <param name="Hidden">Width of a token.</param>
/// <param name="Heads">Heads of the queries.</param>
/// <param name="KeyHeads">Heads of keys and values.</param>
/// <param name="FeedForward">Width of SwiGLU.</param>
/// <param name="Vocabulary">Tokens.</param>
public sealed record LlamaConfiguration(string Name, int Layers, int Hidden, int Heads, int KeyHeads, int FeedForward, int Vocabulary)
{
    /// <summary>Published on huggingface.co in config.json of meta-llama/Llama-2-7b-hf.</summary>
    public static LlamaConfiguration Llama2With7B { get; } = new("llama-2-7b", 32, 4096, 32, 32, 11008, 32000);

    /// <summary>meta-llama/Llama-2-13b-hf.</summary>
    public static LlamaConfiguration Llama2With13B { get; } = new("llama-2-13b", 40, 5120, 40, 40, 13824, 32000);

    /// <summary>meta-llama/Llama-2-70b-hf.</summary>
    public static LlamaConfiguration Llama2With70B { get; } = new("llama-2-70b", 80, 8192, 64, 8, 28672, 32000);

    /// <summary>meta-llama/Meta-Llama-3-8B.</summary>
    public static LlamaConfiguration Llama3With8B { get; } = new("llama-3-8b", 32, 4096, 32, 8, 14336, 128256);

    /// <summary>meta-llama/Meta-Llama-3-70B.</summary>
    public static LlamaConfiguration Llama3With70B { get; } = new("llama-3-70b", 80, 8192, 64, 8, 28672, 128256);

    /// <summary>meta-llama/Llama-3.1-405B.</summary>
    public static LlamaConfiguration Llama3With405B { get; } = new("llama-3-405b", 126, 16384, 128, 8, 53248, 128256);

    /// <summary>mistralai/Mistral-7B-v0.1 (Jiang et al., arXiv:2310.06825).</summary>
    public static LlamaConfiguration Mistral7B { get; } = new("mistral-7b", 32, 4096, 32, 8, 14336, 32000);

    public static ImmutableArray<LlamaConfiguration> All { get; } =
        [Llama2With7B, Llama2With13B, Llama2With70B, Llama3With8B, Llama3With70B, Llama3With405B, Mistral7B];

    /// <summary>Width of a head; most have the heads share the width of a token.</summary>
    public int HeadWidth { get; init; } = Hidden / Heads;

    /// <summary>Weights: embedding and head apart, norms left out (they are below a thousandth).</summary>
    public long ParameterCount =>
        2L * Vocabulary * Hidden + Layers * (2L * Hidden * Heads * HeadWidth + 2L * Hidden * KeyHeads * HeadWidth + 3L * Hidden * FeedForward);

    /// <exception cref="RduException">RDU0202: there is no preset of this name.</exception>
    public static LlamaConfiguration Find(string name) =>
        All.FirstOrDefault(preset => preset.Name == name)
        ?? throw new RduException(
            ErrorCatalogue.NameUnknown, "model", string.Join(", ", All.Select(preset => preset.Name)), name, "choose one of the presets");
}
