using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;

namespace RduEmu.Models.Unet;

/// <summary>
/// What pixels count in a border-weighted loss (Ronneberger et al., arXiv:1505.04597, equation 2):
/// w(x) = w_c(x) + w0 · exp(-(d1(x) + d2(x))² / (2 σ²)), w0 = 10 and σ = 5 pixels, with d1 and d2 the distances to the nearest and the
/// second nearest object. Objects are the connected parts of one class, by the four neighbours of a pixel; a distance is that of
/// pixel centres, 0 inside the object. w_c balances the classes: pixels / (classes that occur · pixels of the class of x), so that its mean is 1.
/// Where there are fewer than two objects, w is w_c.
/// </summary>
/// <remarks>
/// The search stops where d2 is above 32 pixels: there the border's part is below half a unit in the last place of w_c, which is
/// at least 1/2. So the map has the bits of one that searches the whole image.
/// </remarks>
public sealed class BorderWeights
{
    private const float BorderWeight = 10f;
    private const float DeviationPixels = 5f;

    /// <summary>10 exp(-32² / 50) = 1.3e-8 is less than 2^-25 = 3.0e-8, half a unit in the last place of 1/2.</summary>
    private const int ReachPixels = 32;

    /// <summary>Of an object that is not there, far beyond the reach even when squared distances are added to it.</summary>
    private const int Nowhere = 1 << 20;

    private readonly int _height;
    private readonly int _width;
    private readonly int[] _objects;
    private readonly int[] _pending;
    private readonly Pair[] _inColumn;

    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    public BorderWeights(int height, int width)
    {
        _height = height;
        _width = width;
        _objects = new int[height * width];
        _pending = new int[height * width];
        _inColumn = new Pair[height * width];
    }

    /// <summary>Fills the weights of an image.</summary>
    /// <param name="labels">Class 0 or 1 of each pixel, row-major.</param>
    /// <param name="objectClass">The class whose connected parts are the objects.</param>
    /// <param name="weights">As many elements.</param>
    public void Fill(ReadOnlySpan<int> labels, int objectClass, Span<float> weights)
    {
        int objects = Label(labels, objectClass);
        FillColumns();
        int ones = 0;
        foreach (int label in labels)
        {
            ones += label;
        }

        int zeros = labels.Length - ones;
        float present = zeros > 0 && ones > 0 ? 2f : 1f;
        for (int row = 0; row < _height; row++)
        {
            for (int column = 0; column < _width; column++)
            {
                int at = row * _width + column;
                float balance = labels.Length / (present * (labels[at] == 0 ? zeros : ones));
                weights[at] = objects < 2 ? balance : balance + Border(row, column);
            }
        }
    }

    /// <summary>The part of a pixel that is near to two objects.</summary>
    private float Border(int row, int column)
    {
        var nearest = Pair.None;
        for (int other = Math.Max(0, column - ReachPixels); other <= Math.Min(_width - 1, column + ReachPixels); other++)
        {
            Pair found = _inColumn[row * _width + other];
            int across = (other - column) * (other - column);
            nearest.Take(found.First, found.FirstDistance + across);
            nearest.Take(found.Second, found.SecondDistance + across);
        }

        if (nearest.SecondDistance > ReachPixels * ReachPixels)
        {
            return 0f;
        }

        float distance = MathF.Sqrt(nearest.FirstDistance) + MathF.Sqrt(nearest.SecondDistance);
        float exponent = -(distance * distance) / (2f * DeviationPixels * DeviationPixels);
        return BorderWeight * Exponential.Exp<ScalarLane, float, int>(exponent);
    }

    /// <summary>For each pixel the two nearest objects in its own column, by squared distances: the others of the column cannot be nearer.</summary>
    private void FillColumns()
    {
        for (int column = 0; column < _width; column++)
        {
            Scan(column, 0, 1, isFirst: true);
            Scan(column, _height - 1, -1, isFirst: false);
        }
    }

    /// <summary>Goes along a column with the last two objects that were met.</summary>
    private void Scan(int column, int begin, int step, bool isFirst)
    {
        (int Object, int Row) last = (0, 0);
        (int Object, int Row) before = (0, 0);
        for (int row = begin; row >= 0 && row < _height; row += step)
        {
            int at = row * _width + column;
            if (_objects[at] > 0)
            {
                before = _objects[at] == last.Object ? before : last;
                last = (_objects[at], row);
            }

            if (isFirst)
            {
                _inColumn[at] = Pair.None;
            }

            _inColumn[at].Take(last.Object, Squared(row - last.Row));
            _inColumn[at].Take(before.Object, Squared(row - before.Row));
        }

        static int Squared(int rows) => rows * rows;
    }

    /// <summary>Numbers the objects from 1; 0 is no object.</summary>
    /// <returns>How many there are.</returns>
    private int Label(ReadOnlySpan<int> labels, int objectClass)
    {
        Array.Clear(_objects);
        int objects = 0;
        for (int start = 0; start < labels.Length; start++)
        {
            if (labels[start] != objectClass || _objects[start] > 0)
            {
                continue;
            }

            objects++;
            int count = 0;
            Reach(start, labels);
            while (count > 0)
            {
                int at = _pending[--count];
                int column = at % _width;
                if (column > 0)
                {
                    Reach(at - 1, labels);
                }

                if (column < _width - 1)
                {
                    Reach(at + 1, labels);
                }

                if (at >= _width)
                {
                    Reach(at - _width, labels);
                }

                if (at < labels.Length - _width)
                {
                    Reach(at + _width, labels);
                }
            }

            void Reach(int at, ReadOnlySpan<int> labels)
            {
                if (labels[at] == objectClass && _objects[at] == 0)
                {
                    _objects[at] = objects;
                    _pending[count++] = at;
                }
            }
        }

        return objects;
    }

    /// <summary>The two nearest objects, with their squared distances.</summary>
    private struct Pair
    {
        public static Pair None => new() { FirstDistance = Nowhere, SecondDistance = Nowhere };

        public int First;
        public int FirstDistance;
        public int Second;
        public int SecondDistance;

        /// <summary>Takes another object, unless both are nearer; 0 is none.</summary>
        public void Take(int other, int distance)
        {
            if (other == 0)
            {
                return;
            }

            if (other == First)
            {
                FirstDistance = Math.Min(FirstDistance, distance);
            }
            else if (distance < FirstDistance)
            {
                (Second, SecondDistance) = (First, FirstDistance);
                (First, FirstDistance) = (other, distance);
            }
            else if (distance < SecondDistance)
            {
                (Second, SecondDistance) = (other, distance);
            }
        }
    }
}
