using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Onnx.Decompositions;

/// <summary>
/// RNN, GRU and LSTM, unrolled over time: the inputs' products for all steps at once, then step by step. A sequence that has
/// ended keeps its state and gives zeros.
/// </summary>
public static class Recurrent
{
    public static IReadOnlyList<OnnxTranslation> Onnx { get; } =
    [
        new("RNN", 7, OnnxTypes.ShortFloats, node => Translate(node, 1, ["Tanh"])) { HasGradient = true },
        new("GRU", 7, OnnxTypes.ShortFloats, node => Translate(node, 3, ["Sigmoid", "Tanh"])) { HasGradient = true },
        new("LSTM", 7, OnnxTypes.ShortFloats, node => Translate(node, 4, ["Sigmoid", "Tanh", "Tanh"])) { HasGradient = true },
    ];

    private static OnnxValue[] Translate(OnnxNode node, int gates, string[] defaults)
    {
        node.RequireRank(0, 3);
        node.RequireRank(1, 3);
        node.RequireRank(2, 3);
        bool batchFirst = node.Flag("layout");
        ValueId x = batchFirst ? node.Turn(node[0], 1, 0, 2) : node[0];
        int directions = node.TypeOf(1).Shape[0];
        string direction = node.Text("direction", "forward");
        if (direction is not ("forward" or "reverse" or "bidirectional") || directions != (direction == "bidirectional" ? 2 : 1))
        {
            throw node.Unsupported("a direction that fits the weights", $"{direction}, {directions}");
        }

        int hidden = node.TypeOf(2).Shape[2];
        node.Ignore("hidden_size");
        var activations = new Activations(node, defaults, directions);
        var all = new List<ValueId>();
        var lastH = new List<ValueId>();
        var lastC = new List<ValueId>();
        for (int d = 0; d < directions; d++)
        {
            var cell = new Cell(node, x, d, gates, hidden, activations, batchFirst);
            (ValueId y, ValueId h, ValueId? c) = cell.Run(isReverse: direction == "reverse" || d == 1);
            all.Add(y);
            lastH.Add(h);
            lastC.Add(c ?? h);
        }

        // [T, D, B, H], or [B, T, D, H]; states [D, B, H], or [B, D, H].
        ValueId outputs = node.Joined(1, [.. all]);
        ValueId States(List<ValueId> states)
        {
            ValueId joined = node.Joined(0, [.. states]);
            return batchFirst ? node.Turn(joined, 1, 0, 2) : joined;
        }

        return [batchFirst ? node.Turn(outputs, 2, 0, 1, 3) : outputs, States(lastH), States(lastC)];
    }

    /// <summary>The activation functions of each direction, with the parameters that some of them take in turn.</summary>
    private sealed class Activations
    {
        private readonly List<Func<ValueId, ValueId>> _functions = [];
        private readonly int _perDirection;

        public Activations(OnnxNode node, string[] defaults, int directions)
        {
            string[] names = node.Texts("activations") ?? [.. Enumerable.Repeat(defaults, directions).SelectMany(name => name)];
            var alphas = new Queue<float>(node.Floats("activation_alpha") ?? []);
            var betas = new Queue<float>(node.Floats("activation_beta") ?? []);
            float clip = node.Float("clip", 0f);
            _perDirection = defaults.Length;
            if (names.Length != defaults.Length * directions)
            {
                throw node.Unsupported($"{defaults.Length * directions} activations", $"{names.Length}");
            }

            foreach (string name in names)
            {
                Func<ValueId, ValueId> function = Find(node, name, alphas, betas);
                _functions.Add(clip == 0f ? function : x => function(node.Apply(new Clip(), x, node.Number(x, -clip), node.Number(x, clip))));
            }
        }

        public ValueId Apply(int direction, int which, ValueId x) => _functions[direction * _perDirection + which](x);

        /// <summary>The same function without the clip: what a cell's output goes through.</summary>
        private static Func<ValueId, ValueId> Find(OnnxNode node, string name, Queue<float> alphas, Queue<float> betas)
        {
            float Next(Queue<float> given, float otherwise) => given.TryDequeue(out float value) ? value : otherwise;
            ValueId Positive(ValueId x) => node.Apply(new Maximum(), x, node.Number(x, 0));
            ValueId Negative(ValueId x) => node.Apply(new Minimum(), x, node.Number(x, 0));
            switch (name)
            {
                case "Tanh":
                    return x => node.Apply(new HyperbolicTangent(), x);
                case "Sigmoid":
                    return x => node.Apply(new Sigmoid(), x);
                case "Relu":
                    return Positive;
                case "Softsign":
                    return x => node.Apply(new Softsign(), x);
                case "Softplus":
                    return x => node.Apply(new Softplus(), x);
                case "Affine":
                    (float slope, float shift) = (Next(alphas, 1f), Next(betas, 0f));
                    return x => node.Plus(node.Times(x, node.Number(x, slope)), node.Number(x, shift));
                case "LeakyRelu":
                    float leak = Next(alphas, 0.01f);
                    return x => node.Plus(Positive(x), node.Times(Negative(x), node.Number(x, leak)));
                case "ThresholdedRelu":
                    float threshold = Next(alphas, 1f);
                    return x => node.Choose(node.Apply(new Greater(), x, node.Number(x, threshold)), x, node.Number(x, 0));
                case "ScaledTanh":
                    (float outer, float inner) = (Next(alphas, 1f), Next(betas, 1f));
                    return x => node.Times(node.Apply(new HyperbolicTangent(), node.Times(x, node.Number(x, inner))), node.Number(x, outer));
                case "HardSigmoid":
                    (float rise, float middle) = (Next(alphas, 0.2f), Next(betas, 0.5f));
                    return x => node.Apply(
                        new Clip(), node.Plus(node.Times(x, node.Number(x, rise)), node.Number(x, middle)), node.Number(x, 0), node.Number(x, 1));
                case "Elu":
                    float depth = Next(alphas, 1f);
                    return x => node.Plus(Positive(x), node.Times(node.Minus(node.Exp(Negative(x)), node.Number(x, 1)), node.Number(x, depth)));
                default:
                    throw node.Unsupported("an activation of ONNX", name);
            }
        }
    }

    /// <summary>One direction of a recurrent network.</summary>
    private sealed class Cell
    {
        private readonly OnnxNode _node;
        private readonly int _direction;
        private readonly int _gates;
        private readonly int _hidden;
        private readonly int _steps;
        private readonly int _batch;
        private readonly Activations _activations;
        private readonly ValueId _projected;
        private readonly ValueId _recurrence;
        private readonly ValueId? _recurrentBias;
        private readonly ValueId? _peepholes;
        private readonly ValueId _initialH;
        private readonly ValueId _initialC;
        private readonly bool _linearBeforeReset;
        private readonly bool _coupled;

        public Cell(OnnxNode node, ValueId x, int direction, int gates, int hidden, Activations activations, bool batchFirst)
        {
            TensorType type = node.TypeOf(x);
            (_node, _direction, _gates, _hidden, _activations) = (node, direction, gates, hidden, activations);
            (_steps, _batch) = (type.Shape[0], type.Shape[1]);
            int width = gates * hidden;
            ValueId weight = Own(node[1], width, type.Shape[2]);
            _recurrence = node.Transposed(Own(node[2], width, hidden));
            ValueId projected = node.Product(node.Reshape(x, _steps * _batch, type.Shape[2]), node.Transposed(weight));
            if (node.HasInput(3))
            {
                ValueId bias = Own(node[3], 2 * width);
                projected = node.Plus(projected, node.Part(bias, 0, 0, width));
                _recurrentBias = node.Part(bias, 0, width, width);
            }

            _projected = node.Reshape(projected, _steps, _batch, width);
            _initialH = State(5, batchFirst, type.Element);
            _initialC = State(6, batchFirst, type.Element);
            _peepholes = gates == 4 && node.HasInput(7) ? Own(node[7], 3 * hidden) : null;
            _linearBeforeReset = gates == 3 && node.Flag("linear_before_reset");
            _coupled = gates == 4 && node.Flag("input_forget");
        }

        public (ValueId Y, ValueId H, ValueId? C) Run(bool isReverse)
        {
            (ValueId h, ValueId c) = (_initialH, _initialC);
            var outputs = new ValueId[_steps];
            for (int step = 0; step < _steps; step++)
            {
                int t = isReverse ? _steps - 1 - step : step;
                ValueId x = _node.Reshape(_node.Part(_projected, 0, t, 1), _batch, _gates * _hidden);
                (ValueId newH, ValueId newC) = _gates switch
                {
                    1 => (Simple(x, h), c),
                    3 => (Gated(x, h), c),
                    _ => LongShort(x, h, c),
                };
                ValueId y = newH;
                if (_node.HasInput(4))
                {
                    ValueId isAlive = _node.Apply(
                        new Less(), _node.Constant(HostTensor.Scalar(t)), _node.Reshape(_node.As(_node[4], ElementType.Int32), _batch, 1));
                    y = _node.Choose(isAlive, newH, _node.Number(newH, 0));
                    newH = _node.Choose(isAlive, newH, h);
                    newC = _gates == 4 ? _node.Choose(isAlive, newC, c) : newC;
                }

                (h, c) = (newH, newC);
                outputs[t] = _node.Reshape(y, 1, 1, _batch, _hidden);
            }

            return (_node.Joined(0, outputs), _node.Reshape(h, 1, _batch, _hidden), _gates == 4 ? _node.Reshape(c, 1, _batch, _hidden) : null);
        }

        private ValueId Simple(ValueId x, ValueId h) => _activations.Apply(_direction, 0, _node.Plus(x, Recur(h, 0, 1)));

        private ValueId Gated(ValueId x, ValueId h)
        {
            ValueId zr = _node.Plus(Gate(x, 0, 2), Recur(h, 0, 2));
            ValueId z = _activations.Apply(_direction, 0, Gate(zr, 0, 1));
            ValueId r = _activations.Apply(_direction, 0, Gate(zr, 1, 1));
            ValueId fromState = _linearBeforeReset ? _node.Times(r, Recur(h, 2, 1)) : Recur(_node.Times(r, h), 2, 1);
            ValueId candidate = _activations.Apply(_direction, 1, _node.Plus(Gate(x, 2, 1), fromState));
            ValueId one = _node.Number(z, 1);
            return _node.Plus(_node.Times(_node.Minus(one, z), candidate), _node.Times(z, h));
        }

        /// <summary>Gates in ONNX's order: input, output, forget, cell; peepholes input, output, forget.</summary>
        private (ValueId H, ValueId C) LongShort(ValueId x, ValueId h, ValueId c)
        {
            ValueId all = _node.Plus(x, Recur(h, 0, 4));
            ValueId Peep(ValueId gate, int which, ValueId cell) =>
                _peepholes is { } weights ? _node.Plus(gate, _node.Times(_node.Part(weights, 0, which * _hidden, _hidden), cell)) : gate;
            ValueId i = _activations.Apply(_direction, 0, Peep(Gate(all, 0, 1), 0, c));
            ValueId f = _coupled ? _node.Minus(_node.Number(i, 1), i) : _activations.Apply(_direction, 0, Peep(Gate(all, 2, 1), 2, c));
            ValueId candidate = _activations.Apply(_direction, 1, Gate(all, 3, 1));
            ValueId newC = _node.Plus(_node.Times(f, c), _node.Times(i, candidate));
            ValueId o = _activations.Apply(_direction, 0, Peep(Gate(all, 1, 1), 1, newC));
            return (_node.Times(o, _activations.Apply(_direction, 2, newC)), newC);
        }

        private ValueId Gate(ValueId all, int first, int count) => _node.Part(all, 1, first * _hidden, count * _hidden);

        private ValueId Recur(ValueId h, int first, int count)
        {
            ValueId product = _node.Product(h, _node.Part(_recurrence, 1, first * _hidden, count * _hidden));
            return _recurrentBias is { } bias ? _node.Plus(product, _node.Part(bias, 0, first * _hidden, count * _hidden)) : product;
        }

        private ValueId Own(ValueId value, params int[] shape) => _node.Reshape(_node.Part(value, 0, _direction, 1), shape);

        private ValueId State(int input, bool batchFirst, ElementType element)
        {
            if (!_node.HasInput(input) || (_gates != 4 && input == 6))
            {
                return _node.Session.IdOf(_node.Filled(Expressions.ScalarOf(element, 0), _batch, _hidden));
            }

            ValueId given = batchFirst ? _node.Turn(_node[input], 1, 0, 2) : _node[input];
            return Own(given, _batch, _hidden);
        }
    }
}
