using RduEmu.Kernels.Errors;
using RduEmu.Models.Data;
using RduEmu.Models.Training;

namespace RduEmu.Models.Dlrm;

/// <summary>Clicks to train on and to be measured on, generated or read.</summary>
public sealed class DlrmData : IModelData
{
    /// <summary>Test samples that are generated.</summary>
    private const int GeneratedTestSamples = 100_000;

    /// <summary>
    /// A short course that brings the kaggle preset within 0.01 of the ceiling of generated clicks: the rate of the preset, and a
    /// quadratic decay over the second half.
    /// </summary>
    private const long GeneratedTrainingSamples = 1_500_000;

    private readonly DlrmConfiguration _configuration;
    private readonly TrainingExample? _example;

    private DlrmData(DlrmConfiguration configuration, IClickSource training, IClickSource? test, TrainingExample? example = null)
    {
        _configuration = configuration;
        _example = example;
        Training = training;
        Test = test;
    }

    public IBatchSource Training { get; }

    public IBatchSource? Test { get; }

    public bool IsEndless => Training is GeneratedClicks;

    /// <param name="configuration">The model that takes the samples.</param>
    /// <param name="path">A Criteo file or folder, a MovieLens 100k folder, a training example in JSON, or null to generate.</param>
    /// <param name="testPath">A Criteo file or folder with test samples, or null to hold some out.</param>
    /// <param name="seed">Of generated samples, and of the order of samples in memory.</param>
    /// <exception cref="RduException">RDU0101: there is nothing of that name.</exception>
    public static DlrmData Open(DlrmConfiguration configuration, string? path, string? testPath, int seed)
    {
        if (path is null)
        {
            return new DlrmData(
                configuration,
                new GeneratedClicks(configuration.Schema, seed),
                new GeneratedClicks(configuration.Schema, seed, GeneratedClicks.FirstTestSample, GeneratedTestSamples));
        }

        if (!Path.Exists(path))
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a file or folder with samples", "nothing there", "correct --data");
        }

        if (Path.GetExtension(path) == ".json")
        {
            var example = new TrainingExample(path, configuration);
            return new DlrmData(configuration, example, null, example);
        }

        if (File.Exists(Path.Combine(path, "u.item")))
        {
            var training = new MovieLensClicks(path, "u1.base", seed, shuffles: true);
            RequireSame(configuration, training.Schema);
            return new DlrmData(configuration, training, new MovieLensClicks(path, "u1.test", seed, shuffles: false));
        }

        return testPath is null
            ? new DlrmData(
                configuration,
                new CriteoReader(path, configuration.Schema, CriteoRows.Training),
                new CriteoReader(path, configuration.Schema, CriteoRows.HeldOut))
            : new DlrmData(
                configuration,
                new CriteoReader(path, configuration.Schema, CriteoRows.All),
                new CriteoReader(testPath, configuration.Schema, CriteoRows.All));
    }

    public TrainingCourse Suited(CourseChoices choices)
    {
        int batchSamples = choices.BatchSamples ?? _example?.BatchSamples ?? _configuration.BatchSamples;
        if (_example is { } example)
        {
            return new TrainingCourse(batchSamples, choices.Steps ?? example.CountBatches, choices.Epochs, example.LearningRate, LearningRatePolicy.Constant);
        }

        if (IsEndless)
        {
            long steps = choices.Steps ?? Math.Max(1, GeneratedTrainingSamples / batchSamples);
            return new TrainingCourse(batchSamples, steps, null, _configuration.LearningRate, new LearningRatePolicy(0, (int)(steps / 2), (int)(steps - steps / 2)));
        }

        int? epochs = choices.Epochs ?? (choices.Steps is null ? _configuration.Epochs : null);
        return new TrainingCourse(batchSamples, choices.Steps, epochs, _configuration.LearningRate, _configuration.RatePolicy);
    }

    public float[]? FirstValues(string parameter, long countElements) => _example?.Parameter(parameter, countElements);

    public void Dispose()
    {
        Training.Dispose();
        Test?.Dispose();
    }

    private static void RequireSame(DlrmConfiguration configuration, ClickSchema data)
    {
        ClickSchema model = configuration.Schema;
        bool fits = model.DenseFeatures == data.DenseFeatures && model.TableHotness.SequenceEqual(data.TableHotness) && model.TableRows.SequenceEqual(data.TableRows);
        if (!fits)
        {
            throw new RduException(
                ErrorCatalogue.OptionInvalid, "--preset", "the preset ml100k, without a cap", configuration.Name, "use --preset ml100k with MovieLens data");
        }
    }
}
