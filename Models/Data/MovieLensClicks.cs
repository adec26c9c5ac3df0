using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Models.Data;

/// <summary>
/// MovieLens 100k (grouplens.org/datasets/movielens/100k) as clicks: a rating of 4 or 5 is one. Categories: user, item, age in
/// steps of five years, gender, occupation, the genres of the item, and the week of the rating. Numbers: age, time of the rating
/// and year of release, each scaled to about [0, 1].
/// </summary>
public sealed class MovieLensClicks : IClickSource
{
    public const int Users = 943;
    public const int Items = 1682;

    private const int Genres = 19;
    private const int MaximumGenres = 6;
    private const int Weeks = 32;
    private const int AgeStepYears = 5;
    private const int AgeSteps = 16;
    private const int ShuffleStream = 0x4D4F5649;

    /// <summary>The first and the last rating of the data set, in seconds since 1970.</summary>
    private const long FirstTime = 874_724_710;

    private const long LastTime = 893_286_638;

    private readonly int _seed;
    private readonly bool _shuffles;
    private readonly Rating[] _ratings;
    private readonly User[] _users;
    private readonly Item[] _items;
    private int _next;

    /// <param name="folder">The folder of the data set.</param>
    /// <param name="file">Its ratings: <c>u1.base</c>, <c>u1.test</c>, <c>u.data</c> ...</param>
    /// <param name="seed">Order of the samples in an epoch.</param>
    /// <param name="shuffles">True for training data: each epoch has an order of its own.</param>
    /// <exception cref="RduException">RDU0101: a file is missing. RDU0103, RDU0104, RDU0105: a row is malformed.</exception>
    public MovieLensClicks(string folder, string file, int seed, bool shuffles)
    {
        _seed = seed;
        _shuffles = shuffles;
        Name = Path.Combine(folder, file);
        string[] occupations = [.. Lines(folder, "u.occupation").Select(line => line.Text)];
        _users = new User[Users];
        foreach ((string where, string line) in Lines(folder, "u.user"))
        {
            string[] fields = Fields(where, line, '|', 5);
            int occupation = Array.IndexOf(occupations, fields[3]);
            _users[Number(where, fields[0], 1, Users) - 1] = new User(
                Number(where, fields[1], 0, 150), fields[2] == "F" ? 1 : 0, occupation >= 0 ? occupation : throw Malformed(where, "an occupation of u.occupation", fields[3]));
        }

        _items = new Item[Items];
        foreach ((string where, string line) in Lines(folder, "u.item"))
        {
            string[] fields = Fields(where, line, '|', 5 + Genres);
            ImmutableArray<int> genres = [.. Enumerable.Range(0, Genres).Where(genre => fields[5 + genre] == "1").Take(MaximumGenres)];
            int year = fields[2].Length >= 4 && int.TryParse(fields[2].AsSpan(fields[2].Length - 4), NumberStyles.None, CultureInfo.InvariantCulture, out int parsed) ? parsed : 1995;
            _items[Number(where, fields[0], 1, Items) - 1] = new Item(genres, year);
        }

        var ratings = new List<Rating>();
        foreach ((string where, string line) in Lines(folder, file))
        {
            string[] fields = Fields(where, line, '\t', 4);
            ratings.Add(new Rating(
                Number(where, fields[0], 1, Users) - 1, Number(where, fields[1], 1, Items) - 1, Number(where, fields[2], 1, 5), Number(where, fields[3], 0, int.MaxValue)));
        }

        _ratings = [.. ratings];
        Rewind(0);
    }

    /// <summary>Tables: user, item, age, gender, occupation, genres, week.</summary>
    public static ClickSchema Shape { get; } = new(3, [Users, Items, AgeSteps, 2, 21, Genres, Weeks], [1, 1, 1, 1, 1, MaximumGenres, 1]);

    public string Name { get; }

    public ClickSchema Schema => Shape;

    public bool KnowsBestScores => false;

    public void Read(ClickBatch batch)
    {
        batch.CountSamples = Math.Min(batch.CapacitySamples, _ratings.Length - _next);
        for (int i = 0; i < batch.CountSamples; i++)
        {
            Fill(batch, i, _ratings[_next + i]);
        }

        _next += batch.CountSamples;
    }

    /// <summary>Fisher and Yates, drawing from Philox by (seed, stream), (epoch, place).</summary>
    public void Rewind(int epoch)
    {
        _next = 0;
        if (!_shuffles)
        {
            return;
        }

        Array.Sort(_ratings);
        for (int last = _ratings.Length - 1; last > 0; last--)
        {
            int c0 = last;
            int c1 = epoch;
            int c2 = 0;
            int c3 = 0;
            Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, _seed, ShuffleStream);
            int other = (int)((ulong)(uint)c0 * (ulong)(last + 1) >> 32);
            (_ratings[last], _ratings[other]) = (_ratings[other], _ratings[last]);
        }
    }

    public void Dispose()
    {
    }

    private void Fill(ClickBatch batch, int at, Rating rating)
    {
        User user = _users[rating.User];
        Item item = _items[rating.Item];
        float time = (rating.Time - FirstTime) / (float)(LastTime - FirstTime);
        batch.Targets[at] = rating.Stars >= 4 ? 1f : 0f;
        batch.Dense[3 * at] = user.AgeYears / 100f;
        batch.Dense[3 * at + 1] = Math.Clamp(time, 0f, 1f);
        batch.Dense[3 * at + 2] = (item.Year - 1920) / 80f;
        batch.Indices[0][at] = rating.User;
        batch.Indices[1][at] = rating.Item;
        batch.Indices[2][at] = Math.Min(user.AgeYears / AgeStepYears, AgeSteps - 1);
        batch.Indices[3][at] = user.Gender;
        batch.Indices[4][at] = user.Occupation;
        for (int place = 0; place < MaximumGenres; place++)
        {
            batch.Indices[5][MaximumGenres * at + place] = place < item.Genres.Length ? item.Genres[place] : -1;
        }

        batch.Indices[6][at] = (int)Math.Clamp((rating.Time - FirstTime) / (7 * 24 * 3600), 0, Weeks - 1);
    }

    /// <summary>The lines that are not empty, each with its place.</summary>
    private static IEnumerable<(string Where, string Text)> Lines(string folder, string file)
    {
        string path = Path.Combine(folder, file);
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path, Encoding.Latin1);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a file of MovieLens 100k", error.Message, "name the folder that holds u1.base, u1.test, u.user and u.item");
        }

        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length > 0)
            {
                yield return ($"{path}, row {i + 1}", lines[i]);
            }
        }
    }

    private static string[] Fields(string where, string line, char separator, int count)
    {
        string[] fields = line.Split(separator);
        return fields.Length == count
            ? fields
            : throw new RduException(ErrorCatalogue.RowMalformed, where, $"{count} fields", $"{fields.Length}", "correct or remove the row");
    }

    private static int Number(string where, string text, int least, int most)
    {
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            throw Malformed(where, "a number", text);
        }

        return number >= least && number <= most
            ? number
            : throw new RduException(ErrorCatalogue.IndexOutsideTable, where, $"{least} to {most}", text, "correct or remove the row");
    }

    private static RduException Malformed(string where, string expected, string text) =>
        new(ErrorCatalogue.FieldMalformed, where, expected, $"\"{text}\"", "correct or remove the row");

    private readonly record struct User(int AgeYears, int Gender, int Occupation);

    private readonly record struct Item(ImmutableArray<int> Genres, int Year);

    private readonly record struct Rating(int User, int Item, int Stars, int Time) : IComparable<Rating>
    {
        public int CompareTo(Rating other) => (User, Item, Time, Stars).CompareTo((other.User, other.Item, other.Time, other.Stars));
    }
}
