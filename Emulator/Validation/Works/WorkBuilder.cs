using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Emulator.Validation.Works;

/// <summary>
/// Writes down what a published run asked of a machine, as work for units: extents and bytes, no values, so that models of any size
/// cost nothing. Letters: T rows (tokens or pixels) of the whole batch, K and N columns in and out.
/// </summary>
/// <param name="samples">Samples of the batch.</param>
/// <param name="rowsPerSample">Tokens or pixels of a sample.</param>
internal sealed class WorkBuilder(int samples, int rowsPerSample)
{
    /// <summary>Bfloat16, in which the machine stores activations, weights and gradients.</summary>
    public const int ElementBytes = 2;

    /// <summary>What an optimizer keeps of a weight is binary32.</summary>
    public const int StateBytes = 4;

    private readonly List<MachineTensor> _tensors = [];
    private readonly List<MachineOperator> _operators = [];
    private readonly List<int> _outputs = [];
    private readonly List<(string Name, int Weight, int Gradient, long Elements)> _updates = [];

    public int Samples => samples;

    public long Rows => (long)samples * rowsPerSample;

    public Phase Phase { get; set; } = Phase.Forward;

    public int Input(string name, long elements, int bytes = ElementBytes) => Tensor(name, ValueRole.Input, elements * bytes, hasSamples: true);

    public int Weight(string name, long elements, int bytes = ElementBytes) => Tensor(name, ValueRole.Parameter, elements * bytes, hasSamples: false);

    /// <summary>A value that another step left in the memory, such as a cache of keys.</summary>
    public int Kept(string name, long bytes) => Tensor(name, ValueRole.Input, bytes, hasSamples: true);

    public void Output(int tensor) => _outputs.Add(tensor);

    /// <summary>y[T, N] = x[T, K] · wᵀ.</summary>
    public int Linear(string name, int x, long k, long n, int weight, long? rows = null)
    {
        long t = rows ?? Rows;
        return Systolic(name, "Linear", new GemmShape(1, t, n, k), [Read(x), Read(weight, OperandAccess.Whole)], t * n);
    }

    /// <summary>Gradients of <see cref="Linear"/>: of the input, if it is asked for, and of the weight, whose update is noted.</summary>
    public int LinearGradient(string name, int dy, int x, long k, long n, int weight, bool ofInput = true, long? rows = null)
    {
        long t = rows ?? Rows;
        WeightGradient(name, dy, x, k, n, weight, t);
        return ofInput ? Systolic($"{name}.dx", "LinearInputGradient", new GemmShape(1, t, k, n), [Read(dy), Read(weight, OperandAccess.Whole)], t * k) : dy;
    }

    /// <summary>A batch of products; the second operand is needed whole for each sample.</summary>
    /// <param name="accumulatesRows">True if k runs over the rows of a sample.</param>
    public int Product(string name, GemmShape gemm, int a, int b, bool accumulatesRows = false) => Systolic(
        name, "MatMul", gemm, [Read(a), Read(b, accumulatesRows ? OperandAccess.Rows : OperandAccess.Sample)], gemm.Batch * gemm.M * gemm.N, accumulatesRows);

    /// <summary>A program of so many stages over each element.</summary>
    public int Map(string name, string op, long elements, int stages, ReadOnlySpan<int> inputs, int bytes = ElementBytes) =>
        Add(name, op, TemplateKind.Simd, null, elements, stages, [.. Reads(inputs)], elements * bytes, false, false);

    /// <summary>A program that ends in, or passes, a reduction along rows.</summary>
    public int Reduce(string name, string op, long elements, int stages, ReadOnlySpan<int> inputs, long outputElements, int bytes = ElementBytes) =>
        Add(name, op, TemplateKind.Reduce, null, elements, stages, [.. Reads(inputs)], outputElements * bytes, false, false);

    /// <summary>Data turned around by PMUs.</summary>
    public int Layout(string name, long elements, int input) =>
        Add(name, "Layout", TemplateKind.Layout, null, elements, 0, [Read(input)], elements * ElementBytes, false, false);

    /// <summary>Rows of a table, by index.</summary>
    public int Gather(string name, int indices, int table, long rows, long width) => Add(
        name, "Gather", TemplateKind.Gather, null, rows * width, 1,
        [Read(indices), new MachineInput(table, OperandAccess.Indexed, rows * width * ElementBytes, width * ElementBytes)], rows * width * ElementBytes, false, false);

    /// <summary>Rows of a table that take their gradient where they lie: read and written by index.</summary>
    public int Scatter(string name, int gradient, long rows, long width)
    {
        int output = Tensor(name, ValueRole.Computed, rows * width * ElementBytes, hasSamples: true);
        var work = new MachineWork(TemplateKind.Gather, rows * width * 2, null, rows * width, 2, false, rows * width * ElementBytes)
        {
            IndexedRowBytes = width * ElementBytes,
        };
        _operators.Add(new MachineOperator(
            _operators.Count, name, "ScatterUpdate", [], Phase,
            EquatableArray.Create<MachineInput>([new MachineInput(gradient, OperandAccess.Rows, rows * width * ElementBytes, rows * width * ElementBytes)]), [output], work));
        return output;
    }

    /// <summary>A sum over several RDUs of what each has.</summary>
    public int AllReduce(string name, int x, long elements, int sockets) => Add(
        name, "AllReduce", TemplateKind.Collective, null, elements, 1, [Read(x)], elements * ElementBytes, false, false, sockets);

    /// <summary>Notes that a weight takes a gradient; <see cref="Updates"/> writes the steps.</summary>
    public void NoteUpdate(string name, int weight, int gradient, long elements) => _updates.Add((name, weight, gradient, elements));

    /// <summary>A step of Adam for every weight: it reads weight, gradient and two states, and writes weight and states.</summary>
    public void Updates()
    {
        const int AdamStages = 12;
        Phase = Phase.Optimizer;
        foreach ((string name, int weight, int gradient, long elements) in _updates)
        {
            int master = Weight($"{name}.master", elements, StateBytes);
            int first = Weight($"{name}.m", elements, StateBytes);
            int second = Weight($"{name}.v", elements, StateBytes);
            int[] outputs =
            [
                Tensor($"{name}.new", ValueRole.Computed, elements * ElementBytes, false), Tensor($"{name}.master.new", ValueRole.Computed, elements * StateBytes, false),
                Tensor($"{name}.m.new", ValueRole.Computed, elements * StateBytes, false), Tensor($"{name}.v.new", ValueRole.Computed, elements * StateBytes, false),
            ];
            _operators.Add(new MachineOperator(
                _operators.Count, name, "Adam", [], Phase, EquatableArray.Create<MachineInput>([Read(gradient), Read(master), Read(first), Read(second)]),
                EquatableArray.Create<int>(outputs),
                new MachineWork(TemplateKind.Simd, elements * AdamStages, null, elements, AdamStages, false, elements * (ElementBytes + (3 * StateBytes)))));
            _outputs.AddRange(outputs);
        }
    }

    public MachineGraph Build() => new(
        samples, rowsPerSample, EquatableArray.Create<MachineTensor>([.. _tensors]), EquatableArray.Create<MachineOperator>([.. _operators]),
        EquatableArray.Create<int>([.. _outputs]));

    /// <summary>dw[N, K] = sum over rows of dy[t, n] · x[t, k].</summary>
    public void WeightGradient(string name, int dy, int x, long k, long n, int weight, long rows)
    {
        int gradient = Add(
            $"{name}.dw", "LinearWeightGradient", TemplateKind.Systolic, new GemmShape(1, n, k, rows), n * k, 1, [Read(dy), Read(x)], n * k * ElementBytes, true, false);
        NoteUpdate(name, weight, gradient, n * k);
    }

    private int Systolic(string name, string op, GemmShape gemm, MachineInput[] inputs, long outputs, bool accumulatesRows = false) =>
        Add(name, op, TemplateKind.Systolic, gemm, outputs, 1, inputs, outputs * ElementBytes, false, accumulatesRows);

    private int Add(
        string name, string op, TemplateKind template, GemmShape? gemm, long elements, int stages, MachineInput[] inputs, long outputBytes, bool accumulatesSamples,
        bool accumulatesRows, int sockets = 1)
    {
        int output = Tensor(name, ValueRole.Computed, outputBytes, !accumulatesSamples);
        long operations = gemm is { } product ? 2 * product.MultiplyAdds : elements * stages;
        var work = new MachineWork(template, operations, gemm, elements, stages, accumulatesSamples, outputBytes) { AccumulatesRows = accumulatesRows, Sockets = sockets };
        _operators.Add(new MachineOperator(_operators.Count, name, op, [], Phase, EquatableArray.Create<MachineInput>(inputs), [output], work));
        return output;
    }

    private List<MachineInput> Reads(ReadOnlySpan<int> tensors)
    {
        var reads = new List<MachineInput>();
        foreach (int tensor in tensors)
        {
            if (!reads.Exists(read => read.Tensor == tensor))
            {
                reads.Add(Read(tensor));
            }
        }

        return reads;
    }

    private MachineInput Read(int tensor, OperandAccess access = OperandAccess.Rows) => new(tensor, access, _tensors[tensor].Bytes, _tensors[tensor].Bytes);

    private int Tensor(string name, ValueRole role, long bytes, bool hasSamples)
    {
        _tensors.Add(new MachineTensor(_tensors.Count, name, role, bytes, hasSamples));
        return _tensors.Count - 1;
    }
}
