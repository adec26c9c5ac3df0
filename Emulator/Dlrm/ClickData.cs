using RduEmu.Kernels.Errors;
using RduEmu.Models.Data;
using RduEmu.Models.Dlrm;

namespace RduEmu.Emulator.Dlrm;

/// <summary>Where samples come from: what to train on, what to be measured on, and what the data say about the run.</summary>
/// <param name="Training">Samples to train on.</param>
/// <param name="Test">Samples kept apart, or null if there are none.</param>
/// <param name="Example">A training example that brings its own parameters, rate and batches.</param>
public sealed record ClickData(IClickSource Training, IClickSource? Test, TrainingExample? Example) : IDisposable
{
    /// <summary>Test samples that are generated.</summary>
    private const int GeneratedTestSamples = 100_000;

    /// <summary>True if the training samples have no end worth waiting for.</summary>
    public bool IsEndless => Training is GeneratedClicks;

    /// <param name="configuration">The model that takes the samples.</param>
    /// <param name="path">A Criteo file or folder, a MovieLens 100k folder, a training example in JSON, or null to generate.</param>
    /// <param name="testPath">A Criteo file or folder with test samples, or null to hold some out.</param>
    /// <param name="seed">Of generated samples, and of the order of samples in memory.</param>
    /// <exception cref="RduException">RDU0101: there is nothing of that name.</exception>
    public static ClickData Open(DlrmConfiguration configuration, string? path, string? testPath, int seed)
    {
        if (path is null)
        {
            return new ClickData(
                new GeneratedClicks(configuration.Schema, seed),
                new GeneratedClicks(configuration.Schema, seed, GeneratedClicks.FirstTestSample, GeneratedTestSamples),
                null);
        }

        if (!Path.Exists(path))
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a file or folder with samples", "nothing there", "correct --data");
        }

        if (Path.GetExtension(path) == ".json")
        {
            var example = new TrainingExample(path, configuration);
            return new ClickData(example, null, example);
        }

        if (File.Exists(Path.Combine(path, "u.item")))
        {
            var training = new MovieLensClicks(path, "u1.base", seed, shuffles: true);
            RequireSame(configuration, training.Schema);
            return new ClickData(training, new MovieLensClicks(path, "u1.test", seed, shuffles: false), null);
        }

        return testPath is null
            ? new ClickData(
                new CriteoReader(path, configuration.Schema, CriteoRows.Training), new CriteoReader(path, configuration.Schema, CriteoRows.HeldOut), null)
            : new ClickData(
                new CriteoReader(path, configuration.Schema, CriteoRows.All), new CriteoReader(testPath, configuration.Schema, CriteoRows.All), null);
    }

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
