using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Emulator.Validation.Works;

/// <param name="Hidden">Width H.</param>
/// <param name="Heads">Attention heads; where H is no multiple of them the last head is narrower, which time does not see.</param>
/// <param name="Vocabulary">Rows of the token table, which is the head's weight too.</param>
/// <param name="Feed">Width of the feed-forward network, usually 4H.</param>
/// <param name="Predictions">Tokens of a sequence that go through the head: all in GPT-2, the masked ones in BERT.</param>
/// <param name="RecomputesAttention">True if the backward pass computes the probabilities anew instead of fetching them from memory.</param>
internal sealed record TransformerShape(int Layers, int Hidden, int Heads, int Vocabulary, int Sequence, int Feed, int Predictions, bool RecomputesAttention);

/// <summary>
/// One training step of a transformer of GPT-2's or BERT's kind: embedding, blocks of attention and feed-forward with dropout, head with
/// cross entropy, backward, Adam. Scores [B, heads, S, S] are real tensors: fusion keeps them on the chip, o0 sends them through
/// memory. Logits and what follows them are binary32 (the option fp32_logits of github.com/sambanova/modelzoo).
/// </summary>
internal sealed class TransformerTraining
{
    private const int LayerNormStages = 6;
    private const int SoftmaxStages = 5;
    private const int GeluStages = 6;
    private const int LogitBytes = 4;

    private readonly TransformerShape _shape;
    private readonly WorkBuilder _work;
    private readonly long _hidden;
    private readonly long _scores;

    private TransformerTraining(TransformerShape shape, int batch)
    {
        _shape = shape;
        _work = new WorkBuilder(batch, shape.Sequence);
        _hidden = _work.Rows * shape.Hidden;
        _scores = (long)batch * shape.Heads * shape.Sequence * shape.Sequence;
    }

    private long HeadWidth => Math.Max(1, _shape.Hidden / _shape.Heads);

    private long HeadBatch => (long)_work.Samples * _shape.Heads;

    public static MachineGraph Build(TransformerShape shape, int batch) => new TransformerTraining(shape, batch).Build();

    private MachineGraph Build()
    {
        WorkBuilder w = _work;
        long h = _shape.Hidden;
        int tokens = w.Input("tokens", w.Rows, 4);
        int table = w.Weight("wte", _shape.Vocabulary * h);
        int x = w.Gather("embedding", tokens, table, w.Rows, h);
        x = w.Map("embedding.position", "Add+Dropout", _hidden, 3, [x]);
        var blocks = new List<Block>();
        for (int layer = 0; layer < _shape.Layers; layer++)
        {
            Block block = Forward($"h{layer}", x);
            blocks.Add(block);
            x = block.Output;
        }

        int final = w.Reduce("ln_f", "LayerNorm", _hidden, LayerNormStages, [x], _hidden);
        long predicted = (long)w.Samples * _shape.Predictions;
        long logits = predicted * _shape.Vocabulary;
        int chosen = predicted < w.Rows ? w.Map("head.gather", "Gather", predicted * h, 1, [final]) : final;
        int logit = w.Map("head.cast", "Cast", logits, 1, [w.Linear("head", chosen, h, _shape.Vocabulary, table, predicted)], LogitBytes);
        int probability = w.Reduce("head.softmax", "LogSoftmax", logits, SoftmaxStages, [logit], logits, LogitBytes);
        int loss = w.Reduce("head.loss", "Loss", logits, 1, [probability], predicted, LogitBytes);
        w.Output(loss);

        w.Phase = Phase.Backward;
        int d = w.Map("head.dloss", "CrossEntropyGradient", logits, 2, [probability]);
        d = w.LinearGradient("head", d, chosen, h, _shape.Vocabulary, table, rows: predicted);
        d = predicted < w.Rows ? w.Map("head.scatter", "Scatter", _hidden, 1, [d]) : d;
        d = w.Reduce("ln_f.dx", "LayerNormGradient", _hidden, LayerNormStages, [d, x], _hidden);
        for (int layer = _shape.Layers - 1; layer >= 0; layer--)
        {
            d = Backward($"h{layer}", blocks[layer], d);
        }

        w.Output(w.Map("embedding.dx", "Dropout", _hidden, 1, [d]));
        w.Updates();
        return w.Build();
    }

    private Block Forward(string name, int x)
    {
        WorkBuilder w = _work;
        long h = _shape.Hidden;
        long s = _shape.Sequence;
        int qWeight = w.Weight($"{name}.q.w", h * h);
        int kWeight = w.Weight($"{name}.k.w", h * h);
        int vWeight = w.Weight($"{name}.v.w", h * h);
        int projectionWeight = w.Weight($"{name}.proj", h * h);
        int upWeight = w.Weight($"{name}.up", h * _shape.Feed);
        int downWeight = w.Weight($"{name}.down", h * _shape.Feed);

        int normal = w.Reduce($"{name}.ln1", "LayerNorm", _hidden, LayerNormStages, [x], _hidden);
        int Part(string part, int weight) => w.Map($"{name}.{part}.bias", "AddBias", _hidden, 1, [w.Linear($"{name}.{part}", normal, h, h, weight)]);
        int q = Part("q", qWeight);
        int k = Part("k", kWeight);
        int v = Part("v", vWeight);
        int score = w.Product($"{name}.qk", new GemmShape(HeadBatch, s, s, HeadWidth), q, k);
        int probability = Probability(name, score);
        int dropped = w.Map($"{name}.dropout", "Dropout", _scores, 2, [probability]);
        int attended = w.Product($"{name}.pv", new GemmShape(HeadBatch, s, HeadWidth, s), dropped, v);
        int projected = w.Linear($"{name}.proj", attended, h, h, projectionWeight);
        int middle = w.Map($"{name}.add1", "AddBias+Dropout+Add", _hidden, 4, [projected, x]);
        int normal2 = w.Reduce($"{name}.ln2", "LayerNorm", _hidden, LayerNormStages, [middle], _hidden);
        long wide = w.Rows * _shape.Feed;
        int up = w.Map($"{name}.up.bias", "AddBias", wide, 1, [w.Linear($"{name}.up", normal2, h, _shape.Feed, upWeight)]);
        int gelu = w.Map($"{name}.gelu", "Gelu", wide, GeluStages, [up]);
        int down = w.Linear($"{name}.down", gelu, _shape.Feed, h, downWeight);
        int output = w.Map($"{name}.add2", "AddBias+Dropout+Add", _hidden, 4, [down, middle]);
        return new Block(x, normal, q, k, v, probability, attended, middle, normal2, up, gelu, output, qWeight, kWeight, vWeight, projectionWeight, upWeight, downWeight);
    }

    private int Probability(string name, int score)
    {
        int masked = _work.Map($"{name}.mask", "Scale+Mask", _scores, 2, [score]);
        return _work.Reduce($"{name}.softmax", "Softmax", _scores, SoftmaxStages, [masked], _scores);
    }

    private int Backward(string name, Block b, int d)
    {
        WorkBuilder w = _work;
        long h = _shape.Hidden;
        long s = _shape.Sequence;
        long wide = w.Rows * _shape.Feed;
        int dDown = w.Map($"{name}.add2.d", "Dropout", _hidden, 2, [d]);
        int dGelu = w.LinearGradient($"{name}.down", dDown, b.Gelu, _shape.Feed, h, b.DownWeight);
        int dUp = w.Map($"{name}.gelu.d", "GeluGradient", wide, GeluStages, [dGelu, b.Up]);
        int dNormal2 = w.LinearGradient($"{name}.up", dUp, b.Normal2, h, _shape.Feed, b.UpWeight);
        int dMiddle = w.Reduce($"{name}.ln2.d", "LayerNormGradient", _hidden, LayerNormStages, [dNormal2, b.Middle, d], _hidden);
        int dProjected = w.Map($"{name}.add1.d", "Dropout", _hidden, 2, [dMiddle]);
        int dAttended = w.LinearGradient($"{name}.proj", dProjected, b.Attended, h, h, b.ProjectionWeight);

        // Masks of dropout are drawn again from their counters, so only probabilities are kept, or not even those.
        int probability = _shape.RecomputesAttention
            ? Probability($"{name}.again", w.Product($"{name}.again.qk", new GemmShape(HeadBatch, s, s, HeadWidth), b.Q, b.K))
            : b.Probability;
        int dropped = w.Map($"{name}.again.dropout", "Dropout", _scores, 2, [probability]);
        int dDropped = w.Product($"{name}.pv.dp", new GemmShape(HeadBatch, s, s, HeadWidth), dAttended, b.V);
        int dV = w.Product($"{name}.pv.dv", new GemmShape(HeadBatch, s, HeadWidth, s), dropped, dAttended, accumulatesRows: true);
        int dProbability = w.Map($"{name}.dropout.d", "Dropout", _scores, 2, [dDropped]);
        int dScore = w.Reduce($"{name}.softmax.d", "SoftmaxGradient", _scores, SoftmaxStages, [dProbability, probability], _scores);
        int dScaled = w.Map($"{name}.mask.d", "Scale+Mask", _scores, 2, [dScore]);
        int dQ = w.Product($"{name}.qk.dq", new GemmShape(HeadBatch, s, HeadWidth, s), dScaled, b.K);
        int dK = w.Product($"{name}.qk.dk", new GemmShape(HeadBatch, s, HeadWidth, s), dScaled, b.Q, accumulatesRows: true);
        int sum = -1;
        foreach ((string part, int gradient, int weight) in new[] { ("q", dQ, b.QWeight), ("k", dK, b.KWeight), ("v", dV, b.VWeight) })
        {
            int dx = w.LinearGradient($"{name}.{part}", gradient, b.Normal, h, h, weight);
            sum = sum < 0 ? dx : w.Map($"{name}.{part}.sum", "Add", _hidden, 1, [sum, dx]);
        }

        return w.Reduce($"{name}.ln1.d", "LayerNormGradient", _hidden, LayerNormStages, [sum, b.Input, dMiddle], _hidden);
    }

    private sealed record Block(
        int Input, int Normal, int Q, int K, int V, int Probability, int Attended, int Middle, int Normal2, int Up, int Gelu, int Output,
        int QWeight, int KWeight, int VWeight, int ProjectionWeight, int UpWeight, int DownWeight);
}
