namespace RduEmu.Models.Llm;

/// <summary>A GPT-2 (Radford et al., "Language models are unsupervised multitask learners", 2019).</summary>
/// <param name="Hidden">Width of a token.</param>
/// <param name="Heads">Heads; where they do not divide the width, the next smaller number that does is taken.</param>
/// <param name="Layers">Decoder layers.</param>
/// <param name="Tokens">Of a sample, and positions.</param>
/// <param name="Vocabulary">Tokens; 50257 of the published models.</param>
/// <param name="Dropout">Of embeddings, attention and each half of a layer; 0.1 of the published models, 0 for none.</param>
public sealed record Gpt2Configuration(int Hidden, int Heads, int Layers, int Tokens = 1024, int Vocabulary = 50257, float Dropout = 0.1f)
{
    /// <summary>The heads that the graph has.</summary>
    public int DividingHeads => Enumerable.Range(1, Math.Max(1, Heads)).Last(heads => Hidden % heads == 0);

    /// <summary>All weights and biases.</summary>
    public long ParameterCount =>
        (long)(Vocabulary + Tokens) * Hidden + Layers * (12L * Hidden * Hidden + 13L * Hidden) + 2L * Hidden;
}
