using System.Reflection;
using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Templates;
using RduEmu.Kernels.Templates.Contract;
using RduEmu.Kernels.Templates.SampleReduce;
using RduEmu.Tests.Templates;
using BiasRelu = RduEmu.Kernels.Programs.Unary<
    RduEmu.Kernels.Programs.Functions.ReluFunction,
    RduEmu.Kernels.Programs.Binary<
        RduEmu.Kernels.Programs.Functions.AddFunction,
        RduEmu.Kernels.Programs.Accumulated,
        RduEmu.Kernels.Programs.PerColumn<RduEmu.Kernels.Programs.S0>>>;

namespace RduEmu.Tests.Contract;

[TestFixture]
public sealed class ContractTests
{
    [Test]
    public void Contract_OnEveryPath(
        [Values(0, 1, 5, 13)] int rows, [Values(1, 15, 16, 33, 81)] int columns, [Values(0, 1, 17, 255, 256, 257, 513)] int depth, [Values] bool wide)
    {
        int weight = rows * (depth + 1);
        int bias = weight + (int)PackedWeight.LengthElements(columns, depth);
        int output = bias + columns;
        uint[] before = UnitHarness.RandomWords(output + rows * (columns + 2), depth);
        var unit = new ContractUnit<BiasRelu>(
            "linear", 1, columns, depth, new Operand(0, depth + 1), new Operand(weight, 0), new Operand(output, columns + 2),
            new ProgramBinding([new Operand(bias, columns)], [SlotAccess.PerColumn]), 2, wide);

        uint[] after = UnitHarness.Check(unit, rows, before, simulator: rows * columns * depth < 20_000);

        for (int row = 0; row < rows; row++)
        {
            for (int n = 0; n < columns; n++)
            {
                float expected = MathF.Max(Reference(before, row * (depth + 1), weight, n, depth) + Float(before[bias + n]), 0f);
                Assert.That(after[output + row * (columns + 2) + n], Is.EqualTo(BitConverter.SingleToUInt32Bits(expected)));
            }
        }
    }

    [Test]
    public void ContractTiles_OnADevice([Values(1, 4, 7)] int rows, [Values(1, 16, 35)] int columns, [Values(1, 257)] int depth)
    {
        int weight = (rows * (depth + 1) + 15) / 16 * 16;
        int bias = weight + (int)PackedWeight.LengthElements(columns, depth);
        int output = bias + columns;
        uint[] before = UnitHarness.RandomWords(output + rows * (columns + 2), depth);
        var binding = new ProgramBinding([new Operand(bias, columns)], [SlotAccess.PerColumn]);
        var (x, w, y) = (new Operand(0, depth + 1), new Operand(weight, 0), new Operand(output, columns + 2));
        var unit = new ContractUnit<BiasRelu>("linear", 1, columns, depth, x, w, y, binding, 2);

        UnitHarness.Check(new TiledOnDevices(unit, new ContractArguments(x, w, y, binding.Slots, columns, depth)), rows, before);
    }

    /// <summary>A unit that is large enough for tiles takes them, and a small one does not.</summary>
    [TestCase(4, 16, nameof(ContractKernel))]
    [TestCase(2048, 1024, nameof(ContractTileKernel))]
    public void Contract_ChoosesItsKernelByTheThreadsThatItHas(int rows, int columns, string kernel)
    {
        var unit = new ContractUnit<Accumulated>(
            "linear", 1, columns, 8, new Operand(0, 8), new Operand(0, 0), new Operand(0, columns), new ProgramBinding([], []), 0);
        var launches = new LaunchList();

        unit.Launch(launches, rows);

        Assert.That(launches.Kernels, Is.EqualTo(new[] { kernel }));
    }

    [Test]
    public void ContractTiles_LoadPanelsBySixteenBytes_AndKeepTheirSumsInRegisters()
    {
        using var inspector = new PtxInspector();

        string ptx = inspector.Compile(ContractTileKernel.Method(typeof(BiasRelu)));

        Assert.That(ptx, Does.Match(@"ld\.(global\.)?v4\.[bf]32"));
        Assert.That(ptx, Does.Not.Contain(".local"));
        Assert.That(ptx.Split("fma.rn.f32").Length - 1, Is.GreaterThanOrEqualTo(16));
    }

    [Test]
    public void Pack_OnEveryPath([Values(1, 16, 33)] int rows, [Values(1, 15, 16, 40)] int columns, [Values] bool transposed)
    {
        int packed = rows * columns;
        long length = transposed ? PackedWeight.LengthElements(columns, rows) : PackedWeight.LengthElements(rows, columns);
        uint[] before = UnitHarness.RandomWords(packed + (int)length, rows);
        Array.Clear(before, packed, (int)length);
        var unit = new PackUnit("pack", rows, columns, transposed, new Operand(0, columns), new Operand(packed, 0));

        uint[] after = UnitHarness.Check(unit, rows, before);

        for (int n = 0; n < rows; n++)
        {
            for (int k = 0; k < columns; k++)
            {
                int at = transposed ? (k / 16 * rows + n) * 16 + k % 16 : (n / 16 * columns + k) * 16 + n % 16;
                Assert.That(after[packed + at], Is.EqualTo(before[n * columns + k]));
            }
        }
    }

    [Test]
    public void SampleContract_OnEveryPath(
        [Values(0, 1, 31, 33, 64, 255, 257, 700)] int samples, [Values(1, 6, 13, 25)] int rows, [Values(1, 13, 16, 35)] int columns, [Values] bool wide)
    {
        int x = samples * (rows + 1);
        int output = x + samples * columns;
        uint[] before = UnitHarness.RandomWords(output + rows * columns, samples);
        var arenaOnly = new SampleContractUnit(
            "dw", columns, samples, 1, new Operand(0, rows + 1), new Operand(x, columns), new Operand(output, columns), 0, wide);

        long scratch = SampleContractUnit.ScratchElements(samples, SampleTree.GroupRows(1), rows, columns);
        UnitHarness.Check(arenaOnly, rows, before, simulator: rows * columns * samples < 20_000, scratchElements: scratch);
    }

    /// <summary>Samples of several rows: groups of 96, 48, 40, 36 and 160 rows are no subtrees of one tree, groups of 64 are.</summary>
    [Test]
    public void SampleContract_WithRowsOfSamples_OnEveryPath(
        [Values(1, 2, 3, 7)] int samples, [Values(96, 24, 5, 9, 64, 160)] int rowsPerSample, [Values(1, 13)] int rows, [Values(13, 35)] int columns, [Values] bool wide)
    {
        int total = samples * rowsPerSample;
        int x = total * rows;
        int output = x + total * columns;
        uint[] before = UnitHarness.RandomWords(output + rows * columns, samples);
        var unit = new SampleContractUnit(
            "dw", columns, total, rowsPerSample, new Operand(0, rows), new Operand(x, columns), new Operand(output, columns), 0, wide);

        long scratch = SampleContractUnit.ScratchElements(total, SampleTree.GroupRows(rowsPerSample), rows, columns);
        uint[] after = UnitHarness.Check(unit, rows, before, simulator: rows * columns * total < 20_000, scratchElements: scratch);

        Assert.That(Float(after[output]), Is.EqualTo(GroupedSum(before, rows, x, columns, total, rowsPerSample)));
    }

    /// <summary>dw[0, 0] by the text of the contract: groups of samples with at least 32 rows, leaves of 32, trees by halving.</summary>
    private static float GroupedSum(uint[] words, int rows, int x, int columns, int total, int rowsPerSample)
    {
        static float Tree(List<float> parts) => parts.Count == 1
            ? parts[0]
            : Tree(parts[..(int)(System.Numerics.BitOperations.RoundUpToPowerOf2((uint)parts.Count) / 2)])
                + Tree(parts[(int)(System.Numerics.BitOperations.RoundUpToPowerOf2((uint)parts.Count) / 2)..]);

        int groupRows = rowsPerSample;
        for (; groupRows < 32; groupRows *= 2)
        {
        }

        var groups = new List<float>();
        foreach (int[] group in Enumerable.Range(0, total).Chunk(groupRows))
        {
            groups.Add(Tree([.. group.Chunk(32).Select(leaf => leaf.Aggregate(
                0f, (sum, row) => MathF.FusedMultiplyAdd(Float(words[row * rows]), Float(words[x + row * columns]), sum)))]));
        }

        return Tree(groups);
    }

    private static IEnumerable<TestCaseData> Kernels()
    {
        yield return new TestCaseData(ContractKernel.Method(typeof(BiasRelu))).SetName("{m}(contract)");
        yield return new TestCaseData(ContractTileKernel.Method(typeof(BiasRelu))).SetName("{m}(contract tiles)");
        yield return new TestCaseData(PackKernel.Method).SetName("{m}(pack)");
        yield return new TestCaseData(SampleContractKernel.Method).SetName("{m}(sample contract)");
    }

    [TestCaseSource(nameof(Kernels))]
    public void Ptx_IsClean(MethodInfo kernel)
    {
        using var inspector = new PtxInspector();

        Assert.That(inspector.Violations(kernel), Is.Empty);
    }

    private static float Reference(uint[] words, int x, int packed, int n, int depth)
    {
        float total = 0f;
        for (int k = 0; k < depth; k += 256)
        {
            float sum = 0f;
            for (int i = k; i < Math.Min(k + 256, depth); i++)
            {
                sum = MathF.FusedMultiplyAdd(Float(words[x + i]), Float(words[packed + (n / 16 * depth + i) * 16 + n % 16]), sum);
            }

            total = k == 0 ? sum : total + sum;
        }

        return total;
    }

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    /// <summary>The unit, with the kernel of tiles however few its threads are.</summary>
    private sealed class TiledOnDevices(ContractUnit<BiasRelu> unit, ContractArguments arguments) : ConfiguredUnit("tiled", 1)
    {
        public override long OperationsPerItem => unit.OperationsPerItem;

        public override void Interpret(InterpreterMemory memory, int items) => unit.Interpret(memory, items);

        public override void Run(in HostTile tile) => unit.Run(in tile);

        public override void Launch(KernelLauncher launcher, int items) => launcher.Launch(
            ContractTileKernel.Run<BiasRelu>, (int)ContractTileKernel.Threads(items, arguments.Columns), new ContractTileArguments(arguments, items));
    }

    /// <summary>Notes which kernels are launched.</summary>
    private sealed class LaunchList : KernelLauncher
    {
        private readonly List<string> _kernels = [];

        public IReadOnlyList<string> Kernels => _kernels;

        public override void Launch<TArguments>(
            Action<ILGPU.Index1D, ILGPU.ArrayView<float>, ILGPU.ArrayView<int>, TArguments> kernel, int extentElements, TArguments arguments) =>
            _kernels.Add(kernel.Method.DeclaringType!.Name);

        public override void LaunchGroups<TArguments>(
            Action<ILGPU.ArrayView<float>, ILGPU.ArrayView<int>, TArguments> kernel, ILGPU.Index3D groups, ILGPU.Index3D threadsPerGroup, TArguments arguments) =>
            _kernels.Add(kernel.Method.DeclaringType!.Name);
    }
}
