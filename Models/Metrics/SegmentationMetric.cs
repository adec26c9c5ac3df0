using RduEmu.Models.Images;
using RduEmu.Models.Training;
using RduEmu.Models.Unet;

namespace RduEmu.Models.Metrics;

/// <summary>
/// Pixel accuracy, and Dice and IoU of the foreground, over all pixels of all images: with true and false positives and negatives tp, fp, fn,
/// tn: (tp + tn) / all, 2 tp / (2 tp + fp + fn), tp / (tp + fp + fn); 1 where there is no foreground at all.
/// </summary>
/// <param name="classes">1 if predictions are probabilities of the foreground, else how many logits a pixel has; every class but 0 is foreground.</param>
/// <param name="picture">Takes for each image its number and a PNG: image, truth and prediction side by side. Null for none.</param>
public sealed class SegmentationMetric(int classes, Action<long, byte[]>? picture) : IMetric
{
    private long _images;
    private long _truePositives;
    private long _falsePositives;
    private long _falseNegatives;
    private long _trueNegatives;

    public void Add(Batch batch, IReadOnlyList<float[]> predictions)
    {
        BatchField target = batch[UnetGraph.TargetField];
        for (int sample = 0; sample < batch.CountSamples; sample++)
        {
            ReadOnlySpan<float> truth = target.Floats.AsSpan(sample * target.Width, target.Width);
            ReadOnlySpan<float> predicted = predictions[0].AsSpan(sample * target.Width * classes, target.Width * classes);
            var mask = new float[target.Width];
            for (int i = 0; i < truth.Length; i++)
            {
                bool isForeground = IsForeground(predicted.Slice(i * classes, classes));
                mask[i] = isForeground ? 1f : 0f;
                Count(isForeground, truth[i] > 0.5f);
            }

            picture?.Invoke(_images, Draw(batch[UnetGraph.ImageField], sample, truth, mask, target.Type.Shape[1], target.Type.Shape[2]));
            _images++;
        }
    }

    public Evaluation Result()
    {
        long all = _truePositives + _falsePositives + _falseNegatives + _trueNegatives;
        long wrong = _falsePositives + _falseNegatives;
        double dice = _truePositives + wrong == 0 ? 1 : 2.0 * _truePositives / (2 * _truePositives + wrong);
        double union = _truePositives + wrong == 0 ? 1 : (double)_truePositives / (_truePositives + wrong);
        return new Evaluation(
            _images,
            new MetricValue("accuracy", "pixel accuracy", all == 0 ? double.NaN : (double)(all - wrong) / all),
            [new MetricValue("dice", "Dice", dice), new MetricValue("iou", "IoU", union)]);
    }

    private static bool IsForeground(ReadOnlySpan<float> scores)
    {
        if (scores.Length == 1)
        {
            return scores[0] >= 0.5f;
        }

        int best = 0;
        for (int i = 1; i < scores.Length; i++)
        {
            best = scores[i] > scores[best] ? i : best;
        }

        return best > 0;
    }

    private void Count(bool predicted, bool truth)
    {
        if (predicted)
        {
            _ = truth ? _truePositives++ : _falsePositives++;
        }
        else
        {
            _ = truth ? _falseNegatives++ : _trueNegatives++;
        }
    }

    /// <summary>Three pictures in a row; of an image that is larger than its prediction the middle.</summary>
    private static byte[] Draw(BatchField image, int sample, ReadOnlySpan<float> truth, float[] mask, int height, int width)
    {
        int channels = image.Type.LastExtent;
        int top = (image.Type.Shape[1] - height) / 2;
        int left = (image.Type.Shape[2] - width) / 2;
        var pixels = new float[3 * height * width];
        for (int row = 0; row < height; row++)
        {
            for (int column = 0; column < width; column++)
            {
                int source = sample * image.Width + ((top + row) * image.Type.Shape[2] + left + column) * channels;
                int at = row * 3 * width + column;
                pixels[at] = image.Floats[source];
                pixels[at + width] = truth[row * width + column];
                pixels[at + 2 * width] = mask[row * width + column];
            }
        }

        return ImageFile.EncodePng(height, 3 * width, pixels);
    }
}
