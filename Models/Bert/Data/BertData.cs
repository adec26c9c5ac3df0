using RduEmu.Models.Training;

namespace RduEmu.Models.Bert.Data;

/// <summary>Text for masked language models: of files, or generated.</summary>
public sealed class BertData : IModelData
{
    private readonly BertConfiguration _configuration;
    private readonly bool _isGenerated;

    /// <param name="configuration">The model.</param>
    /// <param name="text">The pieces.</param>
    /// <param name="tokens">Tokens of a sequence.</param>
    /// <param name="seed">Of the run.</param>
    /// <param name="isGenerated">True if the text is <see cref="TokenText.Generate"/>'s.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0120: there is too little text.</exception>
    public BertData(BertConfiguration configuration, TokenText text, int tokens, int seed, bool isGenerated)
    {
        _configuration = configuration;
        _isGenerated = isGenerated;
        Training = new MaskedTextSource(text.Name, text.Training, text.Special, tokens, seed, isTest: false);
        Test = new MaskedTextSource(text.Name, text.HeldOut, text.Special, tokens, seed, isTest: true);
    }

    public IBatchSource Training { get; }

    public IBatchSource? Test { get; }

    public bool IsEndless => true;

    public void Dispose()
    {
        Training.Dispose();
        Test?.Dispose();
    }

    /// <summary>
    /// Without choices: 2,000 steps on a text, 200 on a generated one; the configuration's peak rate; warm-up over a tenth of the steps, then down to zero.
    /// </summary>
    public TrainingCourse Suited(CourseChoices choices)
    {
        long steps = choices.Steps ?? (_isGenerated ? 200 : 2000);
        int warmUp = (int)Math.Min(10_000, Math.Max(1, steps / 10));
        return new TrainingCourse(
            choices.BatchSamples ?? _configuration.BatchSamples, steps, choices.Epochs, _configuration.Rate,
            new LearningRatePolicy(warmUp, warmUp, (int)Math.Min(int.MaxValue, steps - warmUp)) { DecayPower = 1, LowestRate = 0 });
    }
}
