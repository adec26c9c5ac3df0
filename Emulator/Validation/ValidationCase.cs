namespace RduEmu.Emulator.Validation;

/// <summary>A published run and one number of it, as a case file has it.</summary>
public sealed class ValidationCase
{
    public string Name { get; set; } = string.Empty;

    /// <summary><c>gpt2</c>, <c>bert</c> (training steps), <c>llama</c> (generation), <c>unet</c>, <c>dlrm</c> (training steps), <c>gemm</c>.</summary>
    public string Model { get; set; } = string.Empty;

    /// <summary>The model's own numbers; which ones each model has is in <see cref="CaseModels"/>.</summary>
    public Dictionary<string, int> Dimensions { get; set; } = [];

    /// <summary>Samples of a step on one instance.</summary>
    public int Batch { get; set; } = 1;

    /// <summary>A part's name or a description of the user's.</summary>
    public string Target { get; set; } = string.Empty;

    /// <summary>Tiles of each RDU, 0 for all.</summary>
    public int Tiles { get; set; }

    /// <summary>RDUs that share a layer in generation; instances that share gradients in training.</summary>
    public int Sockets { get; set; } = 1;

    /// <summary><c>o0</c>, <c>o1</c> or <c>o3</c>.</summary>
    public string Mode { get; set; } = "o3";

    /// <summary>True if the backward pass of a training step computes attention anew instead of keeping its probabilities.</summary>
    public bool Recompute { get; set; }

    /// <summary>The host's part of a step where the source gives it: a condition of the run, not something that is modelled.</summary>
    public double HostSeconds { get; set; }

    /// <summary>What was measured; see <see cref="CaseQuantities"/>.</summary>
    public string Quantity { get; set; } = string.Empty;

    public double Value { get; set; }

    public string Source { get; set; } = string.Empty;

    /// <summary>What must be known to read the number.</summary>
    public string Note { get; set; } = string.Empty;
}

/// <summary>What a case file holds.</summary>
public sealed class CaseDocument
{
    public string Schema { get; set; } = string.Empty;

    public List<ValidationCase> Cases { get; set; } = [];
}

/// <summary>A case with what the model says.</summary>
public sealed record CaseResult(ValidationCase Case, double Modelled)
{
    /// <summary>(modelled - published) / published.</summary>
    public double RelativeError => (Modelled - Case.Value) / Case.Value;

    /// <summary>How many times too large or too small, at least 1.</summary>
    public double Factor => Math.Max(Modelled / Case.Value, Case.Value / Modelled);
}
