namespace RduEmu.Models.Training;

/// <summary>What the user said about the length of a training; null where nothing was said.</summary>
public sealed record CourseChoices(int? BatchSamples, long? Steps, int? Epochs);

/// <summary>How long and at which rate is trained.</summary>
/// <param name="BatchSamples">Samples of a step.</param>
/// <param name="Steps">Steps to do, or null for as many as the epochs have.</param>
/// <param name="Epochs">Times that the data are read at most, or null for as often as the steps need.</param>
/// <param name="Rate">The learning rate between warm-up and decay.</param>
/// <param name="Policy">Its course over the steps.</param>
public sealed record TrainingCourse(int BatchSamples, long? Steps, int? Epochs, float Rate, LearningRatePolicy Policy)
{
    /// <summary>What happens to the rate where the metric ceases to improve; null for nothing.</summary>
    public PlateauPolicy? Plateau { get; init; }

    public float RateAt(long step) => Policy.RateAt(Rate, step);
}

/// <summary>Where samples come from, and what they say about a training with them.</summary>
public interface IModelData : IDisposable
{
    /// <summary>Samples to train on.</summary>
    IBatchSource Training { get; }

    /// <summary>Samples kept apart, or null if there are none.</summary>
    IBatchSource? Test { get; }

    /// <summary>True if the training samples have no end worth waiting for.</summary>
    bool IsEndless { get; }

    /// <summary>The user's choices, and for the rest what suits the model with these data.</summary>
    TrainingCourse Suited(CourseChoices choices);

    /// <summary>First values of a parameter that the data bring along, or null.</summary>
    float[]? FirstValues(string parameter, long countElements) => null;
}
