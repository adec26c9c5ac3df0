using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.Map;
using RduEmu.Tests.Templates;

namespace RduEmu.Tests.Numerics;

/// <summary>The special functions as kernels: the simulator's bits are the interpreter's, and the PTX leaves no rounding open.</summary>
[TestFixture]
public sealed class SpecialFunctionKernelTests
{
    private const int Columns = 1 << 12;

    private static readonly ProgramTree X = new ProgramTree.Input(0, SlotAccess.Full);
    private static readonly ProgramTree Y = new ProgramTree.Input(1, SlotAccess.Full);

    private static readonly Type[] UnaryFunctions =
    [
        typeof(ExpFunction), typeof(LogFunction), typeof(Log1pFunction), typeof(SigmoidFunction), typeof(TanhFunction), typeof(ErfFunction),
        typeof(RsqrtFunction), typeof(SinFunction), typeof(CosFunction), typeof(TanFunction), typeof(AsinFunction), typeof(AcosFunction),
        typeof(AtanFunction), typeof(SinhFunction), typeof(CoshFunction), typeof(AsinhFunction), typeof(AcoshFunction), typeof(AtanhFunction),
        typeof(Expm1Function),
    ];

    private static IEnumerable<TestCaseData> Programs() =>
        [
            .. UnaryFunctions.Select(function => new TestCaseData(new ProgramTree.Call1(function, X)).SetArgDisplayNames(function.Name)),
            new TestCaseData(new ProgramTree.Call2(typeof(PowFunction), X, Y)).SetArgDisplayNames(nameof(PowFunction)),
        ];

    [TestCaseSource(nameof(Programs))]
    public void Ptx_IsClean(ProgramTree program)
    {
        using var inspector = new PtxInspector();

        Assert.That(inspector.Violations(MapKernel.Method(program.ToProgramType())), Is.Empty);
    }

    /// <summary>Half of the inputs are any bit patterns, half lie where the functions are not constant.</summary>
    [TestCaseSource(nameof(Programs))]
    public void OnEveryPath(ProgramTree program)
    {
        uint[] before = UnitHarness.RandomWords(3 * Columns, 1);
        for (int i = 0; i < 2 * Columns; i += 2)
        {
            before[i] = (uint)i * 2654435769u;
        }

        Operand[] operands = [new(0, Columns), new(Columns, Columns)];
        SlotAccess[] accesses = [SlotAccess.Full, SlotAccess.Full];
        var unit = (Kernels.Templates.ConfiguredUnit)Activator.CreateInstance(
            typeof(MapUnit<>).MakeGenericType(program.ToProgramType()),
            program.ToString(), 1, Columns, new Operand(2 * Columns, Columns), new ProgramBinding(operands, accesses), 1)!;

        UnitHarness.Check(unit, 1, before);
    }
}
