using RduEmu.Kernels.Templates.Round;

namespace RduEmu.Compiler.Precision;

/// <summary>
/// What is bf16. The names are those of SambaNova's GraphAMP presets (docs.sambanova.ai, "Mixed precision": mp0 is off, mp1 gives
/// GEMM-like operators bf16 inputs, mp4 makes everything bf16; mp2 and mp3 are announced only).
/// </summary>
public enum PrecisionPreset
{
    /// <summary>Nothing.</summary>
    Mp0,

    /// <summary>What products and convolutions read: activations, gradients and, as they are packed, weights.</summary>
    Mp1,

    /// <summary>Every activation and gradient with samples that a chain of elementwise operators ends in, and the weights.</summary>
    Mp4,
}

/// <summary>How a graph is made to store bf16.</summary>
/// <param name="Preset">What.</param>
/// <param name="Rounding">How activations, gradients and stepped weights are rounded; what only moves, and packed copies, to nearest.</param>
/// <param name="HasMasters">True if weights stay float32 and only their packed copies are rounded; with mp1 always so.</param>
/// <param name="Seed">First word of the random numbers' key.</param>
public sealed record PrecisionPolicy(PrecisionPreset Preset, RoundingKind Rounding, bool HasMasters, int Seed);
