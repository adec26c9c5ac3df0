using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Numerics;
using RduEmu.Models.Training;

namespace RduEmu.Models.Bert.Data;

/// <summary>
/// Sequences [CLS] A [SEP] B [SEP] from a text, with 15% of their tokens to be predicted: 80% of those stand as [MASK], 10% as any
/// piece, 10% as they are (Devlin et al., section 3.1). Sample n is a function of text, seed and n alone.
/// </summary>
/// <remarks>
/// For training: A begins anywhere; in half of the samples B is what follows (class 0), else it begins anywhere else (class 1). The
/// weights make the loss a mean over the batch's predictions, and one over its samples. For testing: the text from its beginning,
/// sample by sample; B is what follows; all weights are 1.
/// </remarks>
public sealed class MaskedTextSource : IBatchSource
{
    /// <summary>What a sequence has at least: three special tokens, and some of each segment.</summary>
    public const int FewestTokens = 8;

    private const int TrainingStream = 0x4D4C_4D00;
    private const int TestStream = 0x4D4C_4D01;
    private const float MaskPart = 0.8f;
    private const float AnyPieceEnd = 0.9f;

    private readonly ReadOnlyMemory<int> _text;
    private readonly SpecialPieces _special;
    private readonly int _tokens;
    private readonly int _predictions;
    private readonly int _seed;
    private readonly bool _isTest;
    private readonly int[] _candidates;
    private readonly bool[] _isChosen;
    private long _next;
    private int _draws;

    /// <param name="name">For people.</param>
    /// <param name="text">The pieces.</param>
    /// <param name="special">What sequences are put together with.</param>
    /// <param name="tokens">Tokens of a sequence, at least <see cref="FewestTokens"/>.</param>
    /// <param name="seed">Of the run; a test does not depend on it.</param>
    /// <param name="isTest">See the remarks.</param>
    /// <exception cref="RduException">RDU0120: the text is shorter than a sequence; RDU0201: the sequences are too short.</exception>
    public MaskedTextSource(string name, ReadOnlyMemory<int> text, SpecialPieces special, int tokens, int seed, bool isTest)
    {
        if (tokens < FewestTokens)
        {
            throw new RduException(ErrorCatalogue.OptionInvalid, "--tokens", $"at least {FewestTokens}", $"{tokens}", "give a longer sequence");
        }

        if (text.Length < tokens)
        {
            throw new RduException(
                ErrorCatalogue.TextUnusable, name, $"at least {tokens} tokens of text {(isTest ? "held out" : "to train on")}", $"{text.Length}", "give more text, or shorter sequences");
        }

        Name = name;
        _text = text;
        _special = special;
        _tokens = tokens;
        _predictions = BertConfiguration.PredictionsOf(tokens);
        _seed = isTest ? 0 : seed;
        _isTest = isTest;
        _candidates = new int[tokens];
        _isChosen = new bool[tokens];
    }

    public string Name { get; }

    /// <summary>Tokens of text in a sequence.</summary>
    private int TextTokens => _tokens - 3;

    /// <summary>Samples of a test; a training has no end.</summary>
    private long CountSamples => _isTest ? _text.Length / TextTokens : long.MaxValue;

    public Batch CreateBatch(int capacitySamples)
    {
        TensorType Tokens(int width) => TensorType.Samples(capacitySamples, width);
        TensorType Integers(TensorType type) => type with { Element = ElementType.Int32 };
        TensorType rows = TensorType.Samples(capacitySamples, _predictions, 1);
        return new Batch(
            capacitySamples,
            new BatchField(BertGraph.TokenIds, Integers(Tokens(_tokens))),
            new BatchField(BertGraph.PositionIds, Integers(Tokens(_tokens)), isData: false),
            new BatchField(BertGraph.TypeIds, Integers(Tokens(_tokens))),
            new BatchField(BertGraph.AttentionMask, Tokens(_tokens)),
            new BatchField(BertGraph.MaskedPositions, Integers(Tokens(_predictions))),
            new BatchField(BertGraph.MaskedLabels, Integers(rows), padding: -1),
            new BatchField(BertGraph.MaskedWeights, rows, isData: false),
            new BatchField(BertGraph.ClassLabels, Integers(Tokens(1)), padding: -1),
            new BatchField(BertGraph.ClassWeights, Tokens(1), isData: false),
            new BatchField(BertGraph.SampleNumbers, Integers(Tokens(1)), isData: false));
    }

    public void Read(Batch batch)
    {
        batch.CountSamples = (int)Math.Min(batch.CapacitySamples, CountSamples - _next);
        for (int b = 0; b < batch.CountSamples; b++)
        {
            Fill(batch, b, _next + b);
        }

        if (!_isTest)
        {
            batch[BertGraph.MaskedWeights].Floats.AsSpan().Fill(1f / (batch.CountSamples * _predictions));
            batch[BertGraph.ClassWeights].Floats.AsSpan().Fill(1f / batch.CountSamples);
        }
        else
        {
            batch[BertGraph.MaskedWeights].Floats.AsSpan().Fill(1f);
            batch[BertGraph.ClassWeights].Floats.AsSpan().Fill(1f);
        }

        _next += batch.CountSamples;
    }

    public void Rewind(int epoch) => _next = 0;

    public void Skip(Batch batch, long batches) => _next = Math.Min(CountSamples, _next + batches * batch.CapacitySamples);

    public void Dispose()
    {
    }

    private void Fill(Batch batch, int b, long sample)
    {
        _draws = 0;
        ReadOnlySpan<int> text = _text.Span;
        int starts = text.Length - TextTokens + 1;
        int lengthA = TextTokens / 4 + Below(sample, Math.Max(1, TextTokens / 2));
        int beginA = _isTest ? (int)(sample * TextTokens) : Below(sample, starts);
        bool follows = _isTest || Uniform(sample) < 0.5f;
        int anywhere = Below(sample, starts);
        int beginB = follows ? beginA + lengthA : anywhere;

        Span<int> tokens = batch[BertGraph.TokenIds].Integers.AsSpan(b * _tokens, _tokens);
        Span<int> types = batch[BertGraph.TypeIds].Integers.AsSpan(b * _tokens, _tokens);
        tokens[0] = _special.Classification;
        text.Slice(beginA, lengthA).CopyTo(tokens[1..]);
        tokens[1 + lengthA] = _special.Separator;
        text.Slice(beginB, TextTokens - lengthA).CopyTo(tokens[(2 + lengthA)..]);
        tokens[_tokens - 1] = _special.Separator;
        types[..(2 + lengthA)].Clear();
        types[(2 + lengthA)..].Fill(1);
        Span<int> positions = batch[BertGraph.PositionIds].Integers.AsSpan(b * _tokens, _tokens);
        for (int t = 0; t < _tokens; t++)
        {
            positions[t] = t;
        }

        batch[BertGraph.ClassLabels].Integers[b] = follows ? 0 : 1;
        batch[BertGraph.SampleNumbers].Integers[b] = unchecked((int)sample);
        Mask(batch, b, sample, tokens, separator: 1 + lengthA);
    }

    private void Mask(Batch batch, int b, long sample, Span<int> tokens, int separator)
    {
        int count = 0;
        for (int t = 1; t < _tokens - 1; t++)
        {
            if (t != separator)
            {
                _candidates[count++] = t;
            }
        }

        Array.Clear(_isChosen);
        for (int i = 0; i < _predictions; i++)
        {
            int other = i + Below(sample, count - i);
            (_candidates[i], _candidates[other]) = (_candidates[other], _candidates[i]);
            _isChosen[_candidates[i]] = true;
        }

        int at = b * _predictions;
        for (int t = 0; t < _tokens; t++)
        {
            if (!_isChosen[t])
            {
                continue;
            }

            batch[BertGraph.MaskedPositions].Integers[at] = t;
            batch[BertGraph.MaskedLabels].Integers[at++] = tokens[t];
            float draw = Uniform(sample);
            int any = Below(sample, _special.Count);
            tokens[t] = draw < MaskPart ? _special.Mask : draw < AnyPieceEnd ? any : tokens[t];
        }
    }

    /// <summary>A number in [0, end): off uniform by end / 2^32 at most.</summary>
    private int Below(long sample, int end) => (int)((ulong)Draw(sample) * (uint)end >> 32);

    private float Uniform(long sample) => Philox.Uniform<ScalarLane, float, int>((int)Draw(sample));

    private uint Draw(long sample)
    {
        int c0 = _draws++, c1 = (int)sample, c2 = (int)(sample >> 32), c3 = 0;
        Philox.Generate<ScalarLane, float, int>(ref c0, ref c1, ref c2, ref c3, _seed, _isTest ? TestStream : TrainingStream);
        return (uint)c0;
    }
}
