using NUnit.Framework;
using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Onnx;
using RduEmu.Compiler.Onnx.Import;
using RduEmu.Emulator.Conformance;
using RduEmu.Emulator.Execution;
using RduEmu.Kernels.Errors;
using RduEmu.Tests.Compiler;

namespace RduEmu.Tests.Onnx;

/// <summary>
/// Where the catalogue promises a gradient, the graphs of the suite's cases are differentiated: the gradient's nodes against central
/// differences, both in float64, and the gradient on the host against the interpreter, bit by bit.
/// </summary>
internal sealed class DecompositionGradientTests
{
    private const int CasesOfOperator = 2;

    /// <summary>The evaluator is slow: larger graphs are left to the tests of their operators.</summary>
    private const long MostElements = 20_000;

    private const double Step = 1e-5;

    /// <summary>Central differences err by the third derivative times h²; operators with one beyond 1e4 are none of these.</summary>
    private const double Tolerance = 1e-5;

    [Test, Category("Slow"), Explicit("two minutes: float64, element by element")]
    public void Gradients_AreThoseOfTheFunction() => Check(CasesOfOperator);

    [Test, Category("Slow"), Explicit("all cases: some minutes")]
    public void Gradients_OfEveryCase() => Check(int.MaxValue);

    /// <summary>Operators that the suite's cases leave out.</summary>
    [Test]
    public void Gradients_OfOperatorsWithoutACase()
    {
        var tally = new Tally();
        AddModels(tally);
        Assert.That(tally.Wrong, Is.Empty);
        Assert.That(GradientModels.All().Select(model => model.OpType).Where(op => !tally.Checked.ContainsKey(op)), Is.Empty);
    }

    private static void AddModels(Tally tally)
    {
        foreach (GradientModels.GradientModel model in GradientModels.All())
        {
            foreach (bool recognizes in new[] { false, true })
            {
                tally.Add(model.OpType, $"{model.OpType}, recognised {recognizes}", () =>
                    (OnnxFile.Read(new MemoryStream(model.Model, writable: false), "model").ImportFor(model.Inputs, null, recognizes), model.Inputs));
            }
        }
    }

    /// <summary>Every operator of the catalogue that has a gradient: one that neither a case nor a model checks is a failure.</summary>
    private static void Check(int casesOfOperator)
    {
        var tally = new Tally();
        var tried = new Dictionary<string, int>();
        AddModels(tally);
        foreach (string folder in ConformanceCase.Find(RealData.Require("onnx", "node")).Where(folder => !folder.Contains("_expanded", StringComparison.Ordinal)))
        {
            ModelProto proto = OnnxReader.ReadModel(Path.Combine(folder, "model.onnx"));
            string op = proto.Graph.Nodes.Count == 1 ? proto.Graph.Nodes[0].OpType : string.Empty;
            OnnxTranslation[] translations = [.. OnnxCatalogue.All.Where(translation => translation.OpType == op)];
            if (translations.Length == 0 || !translations.All(translation => translation.HasGradient) || tried.GetValueOrDefault(op) >= casesOfOperator)
            {
                continue;
            }

            // As the model says it, and as it is recognised.
            foreach (bool recognizes in new[] { false, true })
            {
                tried[op] = tried.GetValueOrDefault(op) + (tally.Add(op, $"{Path.GetFileName(folder)}, recognised {recognizes}", () => Import(folder, recognizes)) && recognizes ? 1 : 0);
            }
        }

        TestContext.Out.WriteLine($"{tally.Elements} elements of {tally.Checked.Values.Sum()} cases of {tally.Checked.Count} operators; {tally.Kinks} at kinks left out: {string.Join(' ', tally.Checked.Keys)}");
        TestContext.Out.WriteLine(string.Join('\n', tally.Wrong));
        Assert.That(tally.Wrong, Is.Empty);
        IEnumerable<string> promised = OnnxCatalogue.All.Where(translation => translation.HasGradient).Select(translation => translation.OpType).Distinct();
        Assert.That(promised.Where(op => !tally.Checked.ContainsKey(op)), Is.Empty, "operators with a gradient that nothing checks");
    }

    /// <summary>What was compared, and what was wrong.</summary>
    private sealed class Tally
    {
        public List<string> Wrong { get; } = [];

        /// <summary>Cases of each operator in which elements were compared.</summary>
        public SortedDictionary<string, int> Checked { get; } = new(StringComparer.Ordinal);

        public int Elements { get; private set; }

        public int Kinks { get; private set; }

        /// <returns>True if the case has a gradient that could be compared.</returns>
        public bool Add(string op, string name, Func<(OnnxModel Model, Dictionary<string, HostTensor> Inputs)?> import)
        {
            try
            {
                if (import() is not { } given || new Differentiated(given.Model, given.Inputs) is not { HasGradient: true } graph || graph.CountElements > MostElements)
                {
                    return false;
                }

                (int compared, int kinks) = graph.Compare(name, Wrong);
                if (compared > 0)
                {
                    Checked[op] = Checked.GetValueOrDefault(op) + 1;
                }

                Elements += compared;
                Kinks += kinks;
                return true;
            }
            catch (Exception error) when (error is RduException or NotSupportedException or KeyNotFoundException or ArgumentException)
            {
                Wrong.Add($"{name}: {error.GetType().Name} {error.Message}");
                return false;
            }
        }
    }

    private static (OnnxModel Model, Dictionary<string, HostTensor> Inputs)? Import(string folder, bool recognizes)
    {
        try
        {
            OnnxFile file = OnnxFile.Open(Path.Combine(folder, "model.onnx"));
            file.RequireTensors();
            var given = new Dictionary<string, HostTensor>();
            for (int i = 0; i < file.Inputs.Count; i++)
            {
                string tensor = Path.Combine(folder, "test_data_set_0", $"input_{i}.pb");
                if (File.Exists(tensor))
                {
                    given.Add(file.Inputs[i].Name, OnnxFile.ReadTensor(tensor));
                }
            }

            OnnxModel model = file.ImportFor(given, null, recognizes);
            return model.Inputs.All(input => input.Value is null || given.ContainsKey(input.Name)) ? (model, given) : null;
        }
        catch (RduException)
        {
            // Outside of the scope: the conformance tests say which and why.
            return null;
        }
    }

    /// <summary>The first float32 output of a model times a seed, by all float32 inputs.</summary>
    private sealed class Differentiated
    {
        private readonly GraphBuilder _builder = new();
        private readonly Dictionary<string, double[]> _given = [];
        private readonly Dictionary<string, HostTensor> _tensors = [];
        private readonly ValueId[] _inputs;
        private readonly ValueId?[] _gradients = [];
        private readonly ValueId _output;
        private readonly Graph? _graph;

        public Differentiated(OnnxModel model, Dictionary<string, HostTensor> inputs)
        {
            var map = new Dictionary<ValueId, ValueId>();
            Dictionary<ValueId, string> names = model.Inputs.Where(input => input.Value is not null).ToDictionary(input => input.Value!.Value, input => input.Name);
            foreach (Value value in model.Graph.Values.Where(value => value.Role != ValueRole.Computed))
            {
                string name = $"v{value.Id.Index}";
                if (value.Constant is { } constant)
                {
                    map.Add(value.Id, _builder.Constant(name, value.Type, constant));
                    continue;
                }

                HostTensor tensor = value.Role == ValueRole.Input ? inputs[names[value.Id]] : model.Parameters[value.Id];
                map.Add(value.Id, value.Role == ValueRole.Input ? _builder.Input(name, value.Type) : _builder.Parameter(name, value.Type));
                Give(name, tensor);
            }

            foreach (Node node in model.Graph.Nodes)
            {
                map.Add(node.Output, _builder.Apply(node.Operator, [.. node.Inputs.Select(input => map[input])]));
            }

            _inputs = [.. names.Keys.Where(id => model.Graph[id].Type.Element == ElementType.Float32 && model.Graph[id].Type.CountElements > 0).Select(id => map[id])];
            ValueId[] outputs = [.. model.Graph.Outputs.Where(output => model.Graph[output] is { Role: ValueRole.Computed, Type.Element: ElementType.Float32 }).Select(output => map[output])];
            if (_inputs.Length == 0 || outputs.Length == 0)
            {
                return;
            }

            _output = outputs[0];
            ValueId seed = _builder.Input("seed", _builder[_output]);
            var random = new Random(5);
            float[] weights = [.. Enumerable.Range(0, (int)_builder[_output].CountElements).Select(_ => random.NextSingle() - 0.5f)];
            Give("seed", HostTensor.Create<float>(weights, [.. _builder[_output].Shape]));
            _gradients = GradientScope.Differentiate(_builder, _output, seed, _inputs);
            _graph = _builder.Build([_output, .. _gradients.OfType<ValueId>().Distinct().Where(id => id != seed)]);
        }

        public bool HasGradient => _graph is not null && _gradients.Any(gradient => gradient is not null);

        public long CountElements => _graph!.Values.Sum(value => value.Type.CountElements);

        /// <returns>Elements that were compared, and those where the function has a kink.</returns>
        public (int Compared, int Kinks) Compare(string name, List<string> wrong)
        {
            double[][] values = TensorEvaluator.Evaluate(_graph!, _given);
            double here = Loss(_given);
            int compared = 0;
            int kinks = 0;
            for (int i = 0; i < _inputs.Length; i++)
            {
                string input = _graph![_inputs[i]].Name;
                int stride = Math.Max(1, _given[input].Length / 5);
                for (int element = 0; element < _given[input].Length; element += stride)
                {
                    // Of numbers above 1e4 the last bits are worth more than a small step.
                    double step = Step * Math.Max(1, Math.Abs(_given[input][element]) * 1e-4);
                    double ahead = (Moved(input, element, step) - here) / step;
                    double behind = (here - Moved(input, element, -step)) / step;
                    double expected = (ahead + behind) / 2;
                    double actual = _gradients[i] is { } gradient ? values[gradient.Index][element] : 0;
                    if (!double.IsFinite(expected) || Math.Abs(ahead - behind) > 1e-2 * (1 + Math.Abs(expected)))
                    {
                        kinks++;
                    }
                    else if (!(Math.Abs(actual - expected) <= Tolerance * (1 + Math.Abs(expected))))
                    {
                        wrong.Add($"{name}: d/d{input}[{element}] is {actual}, differences give {expected}");
                        compared++;
                    }
                    else
                    {
                        compared++;
                    }
                }
            }

            CompareBits(name, wrong);
            return (compared, kinks);
        }

        private void Give(string name, HostTensor tensor)
        {
            _tensors.Add(name, tensor);
            _given.Add(name, tensor.Element == ElementType.Bool ? [.. tensor.Bytes.ToArray().Select(bit => bit == 0 ? 0d : 1d)] : tensor.ToDoubles());
        }

        private double Moved(string input, int element, double by)
        {
            double[] moved = [.. _given[input]];
            moved[element] += by;
            return Loss(new Dictionary<string, double[]>(_given) { [input] = moved });
        }

        private double Loss(Dictionary<string, double[]> at) => TensorEvaluator.Evaluate(_graph!, at)[_output.Index].Zip(at["seed"], (y, weight) => y * weight).Sum();

        private void CompareBits(string name, List<string> wrong)
        {
            using var interpreter = new InterpreterExecutor(GraphCompiler.Compile(_graph!, new CompileOptions(CompileMode.O0, Materialize: true)));
            using var host = new HostExecutor(GraphCompiler.Compile(_graph!, new CompileOptions(CompileMode.O3, 2)), 2);
            foreach (Executor executor in new Executor[] { interpreter, host })
            {
                foreach (Value value in _graph!.Values.Where(value => value.Role is ValueRole.Input or ValueRole.Parameter))
                {
                    executor.Write(value.Id, _tensors[value.Name]);
                }

                executor.Load();
                executor.Run();
            }

            foreach (ValueId output in _graph!.Outputs.Where(output => _graph[output].Role == ValueRole.Computed))
            {
                HostTensor expected = interpreter.Read(output);
                HostTensor actual = host.Read(output);
                if (!expected.ToDoubles().Zip(actual.ToDoubles(), (x, y) => BitConverter.DoubleToInt64Bits(x) == BitConverter.DoubleToInt64Bits(y) || double.IsNaN(x) && double.IsNaN(y)).All(same => same))
                {
                    wrong.Add($"{name}: {_graph[output].Name} on the host differs from the interpreter");
                }
            }
        }
    }
}
