using System.Runtime.Intrinsics;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Numerics.Special;
using RduEmu.Models.Training;

namespace RduEmu.Models.Data;

/// <summary>
/// Criteo-shaped clicks from a seeded teacher, so that the best reachable AUC is known: the teacher's own scores reach it.
/// Sample n is a function of (seed, n) alone, with the same bits everywhere.
/// </summary>
/// <remarks>
/// Dense feature: ln(1 + scale · e) with e exponential, as counts look after Criteo's preprocessing. Category: rank
/// floor(rows · u^8), so that P(rank &lt; r) = (r / rows)^(1/8), a power law whose density falls like rank^-0.875; the rank is
/// then spread over the table by a bijection, so that popular rows are not neighbours. The teacher's logit is a bias, a weight
/// for each dense feature, an effect for each of the <see cref="KnownRanks"/> most popular categories that falls with the rank,
/// and products of signs for some pairs of tables, which only an interaction can learn.
/// </remarks>
public sealed class GeneratedClicks : IClickSource
{
    /// <summary>The test samples begin here: no training run comes that far.</summary>
    public const long FirstTestSample = 1L << 40;

    /// <summary>Rarer categories have no effect: no model could learn it from the samples of a short run.</summary>
    private const int KnownRanks = 4096;

    private const int Pairs = 8;
    private const int PairRanks = 16;
    private const float Bias = -1.35f;
    private const float DenseWeight = 0.62f;
    private const float CategoryWeight = 0.62f;
    private const float PairWeight = 0.18f;

    /// <summary>Half of an effect is left at this rank.</summary>
    private const float HalvingRank = 48f;

    /// <summary>Prime and larger than any table: multiplication by it modulo the rows is a bijection.</summary>
    private const long Spread = 2654435761;

    /// <summary>Second key word of Philox: the streams of the teacher's numbers and of the samples.</summary>
    private const int TeacherStream = 0x54454143;

    private const int SampleStream = 0x434C494B;

    private readonly int _seed;
    private readonly long _firstSample;
    private readonly long _countSamples;
    private readonly float[] _denseWeights;
    private readonly float[] _denseScales;
    private readonly float[] _denseMeans;
    private readonly float[][] _effects;
    private readonly (int First, int Second)[] _pairs;
    private readonly float[][] _signs;
    private readonly int[] _ranks;
    private readonly uint[] _words = new uint[4 * 16];
    private long _next;

    /// <param name="schema">Shape of the samples.</param>
    /// <param name="seed">Teacher and samples depend on it.</param>
    /// <param name="firstSample">Number of the first sample.</param>
    /// <param name="countSamples">How many there are.</param>
    public GeneratedClicks(ClickSchema schema, int seed, long firstSample = 0, long countSamples = FirstTestSample)
    {
        Schema = schema;
        _seed = seed;
        _firstSample = firstSample;
        _countSamples = countSamples;
        _ranks = new int[schema.Tables];
        _denseWeights = Draws(0, schema.DenseFeatures);
        _denseScales = Draws(1, schema.DenseFeatures);
        _denseMeans = new float[schema.DenseFeatures];
        float denseShare = DenseWeight / ScalarLane.Sqrt(Math.Max(1, schema.DenseFeatures));
        for (int i = 0; i < schema.DenseFeatures; i++)
        {
            _denseWeights[i] *= 2f * denseShare;
            _denseScales[i] = 3f + 2f * _denseScales[i];

            // The value at the exponential's mean: close enough to the feature's own mean to keep the logit centred.
            _denseMeans[i] = Logarithm.Log1p<ScalarLane, float, int>(_denseScales[i]);
        }

        _effects = new float[schema.Tables][];
        _signs = new float[schema.Tables][];
        float categoryShare = CategoryWeight * 6f / ScalarLane.Sqrt(Math.Max(1, schema.Tables));
        for (int table = 0; table < schema.Tables; table++)
        {
            _effects[table] = Draws(2 + 2 * table, Math.Min(KnownRanks, schema.TableRows[table]));
            for (int rank = 0; rank < _effects[table].Length; rank++)
            {
                _effects[table][rank] *= categoryShare / (1f + rank / HalvingRank);
            }

            _signs[table] = Draws(3 + 2 * table, Math.Min(PairRanks, schema.TableRows[table]));
            for (int rank = 0; rank < _signs[table].Length; rank++)
            {
                _signs[table][rank] = _signs[table][rank] < 0f ? -1f : 1f;
            }
        }

        _pairs = schema.Tables < 2 ? [] : [.. Enumerable.Range(0, Pairs).Select(pair => (pair % schema.Tables, (3 * pair + 1) % schema.Tables))];
    }

    public string Name => $"generated clicks, seed {_seed}";

    public ClickSchema Schema { get; }

    public bool KnowsBestScores => true;

    public void Read(ClickBatch batch)
    {
        batch.CountSamples = (int)Math.Min(batch.CapacitySamples, _countSamples - _next);
        for (int i = 0; i < batch.CountSamples; i++)
        {
            Generate(batch, i, _firstSample + _next + i);
        }

        _next += batch.CountSamples;
    }

    public void Rewind(int epoch) => _next = 0;

    public void Skip(Batch batch, long batches) => _next = Math.Min(_countSamples, _next + batches * batch.CapacitySamples);

    public void Dispose()
    {
    }

    /// <summary>One sample: 16 Philox counters side by side give 16 words for dense features, 32 for categories, 16 for the rest.</summary>
    private void Generate(ClickBatch batch, int at, long sample)
    {
        float logit = Bias;
        int features = Schema.DenseFeatures;
        Span<float> dense = batch.Dense.AsSpan(at * features, features);
        for (int begin = 0; begin < features; begin += 16)
        {
            Words(sample, begin);
            Vector512<float> uniform = Philox.Uniform<WideLane, Vector512<float>, Vector512<int>>(Vector512.Create<uint>(_words).AsInt32());
            Vector512<float> exponential = -Logarithm.Log<WideLane, Vector512<float>, Vector512<int>>(Vector512.Create(1f) - uniform);
            for (int i = begin; i < Math.Min(begin + 16, features); i++)
            {
                dense[i] = exponential[i - begin] * _denseScales[i];
            }
        }

        for (int i = 0; i < features; i++)
        {
            dense[i] = Logarithm.Log1p<ScalarLane, float, int>(dense[i]);
            logit = ScalarLane.Fma(_denseWeights[i], dense[i] - _denseMeans[i], logit);
        }

        // Blocks of 32 categories; the first block's words are those of the last dense block, unless there were none or more.
        for (int table = 0; table < Schema.Tables; table++)
        {
            int hotness = Schema.TableHotness[table];
            for (int place = 0; place < hotness; place++)
            {
                int slot = table + place * Schema.Tables;
                if (slot % 32 == 0)
                {
                    Words(sample, 1024 + slot);
                }

                double u = _words[16 + slot % 32] * (1.0 / (1L << 32));
                u *= u;
                u *= u;
                u *= u;
                int rows = Schema.TableRows[table];
                int rank = (int)(u * rows);
                batch.Indices[table][at * hotness + place] = (int)((rank * Spread + table) % rows);
                if (place == 0)
                {
                    _ranks[table] = rank;
                    logit += rank < _effects[table].Length ? _effects[table][rank] : 0f;
                }
            }
        }

        foreach ((int first, int second) in _pairs)
        {
            if (_ranks[first] < _signs[first].Length && _ranks[second] < _signs[second].Length)
            {
                logit = ScalarLane.Fma(PairWeight, _signs[first][_ranks[first]] * _signs[second][_ranks[second]], logit);
            }
        }

        Words(sample, 1 << 20);
        float probability = Logistic.Sigmoid<ScalarLane, float, int>(logit);
        batch.BestScores[at] = probability;
        batch.Targets[at] = Philox.Uniform<ScalarLane, float, int>((int)_words[0]) < probability ? 1f : 0f;
    }

    private void Words(long sample, int block)
    {
        Vector512<int> c0 = Vector512.Create((int)sample);
        Vector512<int> c1 = Vector512.Create((int)(sample >> 32));
        Vector512<int> c2 = Vector512.Create(block) + Vector512<int>.Indices;
        Vector512<int> c3 = Vector512<int>.Zero;
        Philox.Generate<WideLane, Vector512<float>, Vector512<int>>(ref c0, ref c1, ref c2, ref c3, Vector512.Create(_seed), Vector512.Create(SampleStream));
        c0.AsUInt32().CopyTo(_words, 0);
        c1.AsUInt32().CopyTo(_words, 16);
        c2.AsUInt32().CopyTo(_words, 32);
        c3.AsUInt32().CopyTo(_words, 48);
    }

    /// <summary>Numbers in [-1, 1) of the teacher.</summary>
    private float[] Draws(int series, int count)
    {
        var draws = new float[count];
        for (int i = 0; i < count; i++)
        {
            int c0 = i;
            int c1 = series;
            int c2 = 0;
            int c3 = 0;
            Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, _seed, TeacherStream);
            draws[i] = 2f * Philox.Uniform<ScalarLane, float, int>(c0) - 1f;
        }

        return draws;
    }
}
