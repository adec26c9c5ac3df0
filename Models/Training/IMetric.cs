namespace RduEmu.Models.Training;

/// <summary>One number that says how good a model is.</summary>
/// <param name="Name">In JSON: <c>auc</c>.</param>
/// <param name="Title">For people.</param>
/// <param name="Value">NaN if there is none.</param>
public sealed record MetricValue(string Name, string Title, double Value);

/// <summary>Quality on samples that were kept apart.</summary>
/// <param name="Samples">How many.</param>
/// <param name="Main">What the model is judged by.</param>
/// <param name="Details">What is said beside it.</param>
/// <param name="Ceiling">The main value of the best model possible, where the data know it.</param>
/// <param name="IsHigherBetter">The direction of the main value.</param>
public sealed record Evaluation(
    long Samples, MetricValue Main, IReadOnlyList<MetricValue> Details, double? Ceiling = null, bool IsHigherBetter = true);

/// <summary>A measurement that takes batch after batch.</summary>
public interface IMetric
{
    /// <param name="batch">Its first <see cref="Batch.CountSamples"/> samples count.</param>
    /// <param name="predictions">For each of the evaluation graph's predictions its elements, row-major.</param>
    void Add(Batch batch, IReadOnlyList<float[]> predictions);

    /// <summary>Of all that was added.</summary>
    Evaluation Result();
}
