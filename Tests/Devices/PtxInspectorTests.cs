using System.Reflection;
using ILGPU;
using NUnit.Framework;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Numerics;
using RduEmu.Kernels.Programs;
using RduEmu.Kernels.Programs.Functions;
using RduEmu.Kernels.Templates.Map;

namespace RduEmu.Tests.Devices;

[TestFixture]
public sealed class PtxInspectorTests
{
    private static readonly ProgramTree X = new ProgramTree.Input(0, SlotAccess.Full);
    private static readonly ProgramTree Y = new ProgramTree.Input(1, SlotAccess.PerColumn);
    private static readonly ProgramTree Rate = new ProgramTree.Input(2, SlotAccess.Uniform);

    private static IEnumerable<TestCaseData> MapPrograms()
    {
        yield return new TestCaseData(new ProgramTree.Call1(typeof(ReluFunction), new ProgramTree.Call2(typeof(AddFunction), X, Y)), "add.rn.f32").SetName("{m}(bias and ReLU)");
        yield return new TestCaseData(new ProgramTree.Call2(typeof(SubFunction), X, Y), "sub.rn.f32").SetName("{m}(Sub)");
        yield return new TestCaseData(new ProgramTree.Call2(typeof(MulFunction), X, Y), "mul.rn.f32").SetName("{m}(Mul)");
        yield return new TestCaseData(new ProgramTree.Call2(typeof(DivFunction), X, Y), "div.rn.f32").SetName("{m}(Div)");
        yield return new TestCaseData(new ProgramTree.Call2(typeof(ReluGradientFunction), X, Y), "setp").SetName("{m}(ReLU gradient)");
        yield return new TestCaseData(new ProgramTree.Call3(typeof(SgdFunction), X, Y, Rate), "fma.rn.f32").SetName("{m}(SGD)");
    }

    [TestCaseSource(nameof(MapPrograms))]
    public void MapKernel_IsClean_AndNamesItsRounding(ProgramTree tree, string instruction)
    {
        using var inspector = new PtxInspector();
        MethodInfo kernel = MapKernel.Method(tree.ToProgramType());

        Assert.That(inspector.Violations(kernel), Is.Empty);
        Assert.That(inspector.Compile(kernel), Does.Contain(instruction));
    }

    [TestCase(nameof(Contracted), "without .rn")]
    [TestCase(nameof(Atomic), "float atomic")]
    [TestCase(nameof(ExternalFma), "external function")]
    public void BadKernel_IsRejected(string name, string rule)
    {
        using var inspector = new PtxInspector();

        IReadOnlyList<string> violations = inspector.Violations(GetType().GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!);

        Assert.That(violations, Has.Some.Contains(rule));
    }

    [Test]
    public void GoodKernel_BesideTheBadOnes_IsClean()
    {
        using var inspector = new PtxInspector();

        Assert.That(inspector.Violations(GetType().GetMethod(nameof(Good), BindingFlags.NonPublic | BindingFlags.Static)!), Is.Empty);
    }

    private static void Contracted(Index1D i, ArrayView<float> x) => x[i] = x[i] * x[i + 1] + x[i + 2];

    private static void Atomic(Index1D i, ArrayView<float> x) => ILGPU.Atomic.Add(ref x[0], x[i]);

    private static void ExternalFma(Index1D i, ArrayView<float> x) => x[i] = MathF.FusedMultiplyAdd(x[i], x[i + 1], x[i + 2]);

    private static void Good(Index1D i, ArrayView<float> x) => x[i] = Exact.Fma(x[i], x[i + 1], x[i + 2]);
}
