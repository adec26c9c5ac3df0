using System.Reflection;
using ILGPU;
using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Optimizers;
using RduEmu.Compiler.Precision;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Templates.Round;
using RduEmu.Models.Bert;
using RduEmu.Models.Dlrm;
using RduEmu.Models.Precision;
using RduEmu.Models.Unet;
using RduEmu.Tests.Bert;
using RduEmu.Tests.Compiler;
using RduEmu.Tests.Unet;

namespace RduEmu.Tests.Devices;

/// <summary>Every kernel that a compiled model would start on a GPU, as PTX: no open rounding anywhere.</summary>
[TestFixture]
public sealed class ModelKernelTests
{
    [Test]
    public void EveryKernelOfEveryModel_IsClean()
    {
        var collector = new KernelCollector();
        foreach (DlrmConfiguration preset in DlrmPresets.All)
        {
            foreach (Interaction interaction in Enum.GetValues<Interaction>())
            {
                DlrmConfiguration configuration = preset.WithTableRowsCap(10) with { Interaction = interaction };
                collector.Collect(DlrmGraph.BuildInference(configuration, 4).Graph);
                foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
                {
                    collector.Collect(DlrmGraph.BuildTrainingStep(configuration, 64, optimizer).Graph);
                }
            }
        }

        foreach (BertHead head in Enum.GetValues<BertHead>())
        {
            collector.Collect(BertGraph.BuildInference(SmallBert.Configuration, head, SmallBert.Batch, SmallBert.Tokens).Graph);
            if (head != BertHead.None)
            {
                collector.Collect(BertGraph.BuildGradients(SmallBert.Configuration, head, SmallBert.Batch, SmallBert.Tokens, dropoutSeed: 1).Graph);
            }
        }

        collector.Collect(new BertModel(SmallBert.Configuration, SmallBert.Tokens, 1, "adamw").BuildTrainingStep(SmallBert.Batch).Graph);
        collector.Collect(new BertModel(SmallBert.Configuration, SmallBert.Tokens, 1, "lamb").BuildTrainingStep(SmallBert.Batch).Graph);

        foreach (PrecisionPreset preset in new[] { PrecisionPreset.Mp1, PrecisionPreset.Mp4 })
        {
            var policy = new PrecisionPolicy(preset, RoundingKind.Stochastic, HasMasters: false, Seed: 1);
            collector.Collect(new MixedPrecisionModel(new BertModel(SmallBert.Configuration, SmallBert.Tokens, 1), policy).BuildTrainingStep(SmallBert.Batch).Graph);
            var unet = new UnetModel(UnetPresets.Sn10 with { Features = 2 }, (SmallUnet.Extent, SmallUnet.Extent), (SmallUnet.Extent, SmallUnet.Extent), seed: 1);
            collector.Collect(new MixedPrecisionModel(unet, policy).BuildTrainingStep(2).Graph);
        }

        foreach (UnetConfiguration configuration in SmallUnet.Configurations)
        {
            collector.Collect(UnetGraph.BuildInference(configuration, 2, SmallUnet.Extent, SmallUnet.Extent).Graph);
            foreach (UnetOptimizer optimizer in Enum.GetValues<UnetOptimizer>())
            {
                UnetConfiguration trained = configuration with { Optimizer = optimizer, DropoutRate = 0.5f };
                collector.Collect(UnetGraph.BuildTrainingStep(trained, 2, SmallUnet.Extent, SmallUnet.Extent, seed: 1).Graph);
            }
        }

        Inspect(collector, least: 50);
    }

    /// <summary>Strided maps, reductions, contractions, gathers, scatters and layouts too: those of every operator of the catalogue.</summary>
    [Test]
    public void EveryKernelOfEveryOperator_IsClean()
    {
        var collector = new KernelCollector();
        foreach (Type type in OperatorSizeTests.Catalogue())
        {
            var sized = new SizedGraph();
            foreach (OperatorCase test in OperatorSizeTests.CasesOf(type))
            {
                sized.Add(test.Make, 7);
            }

            collector.Collect(sized.Build(), CompileMode.O0);
        }

        Inspect(collector, least: 200);
    }

    private static void Inspect(KernelCollector collector, int least)
    {
        using var inspector = new PtxInspector();
        Assert.That(collector.Kernels, Has.Count.GreaterThan(least));
        Assert.Multiple(() =>
        {
            foreach (MethodInfo kernel in collector.Kernels)
            {
                Assert.That(inspector.Violations(kernel), Is.Empty, $"{kernel.DeclaringType} {kernel}");
            }
        });
        TestContext.Out.WriteLine($"{collector.Kernels.Count} kernels");
    }

    /// <summary>Starts nothing, and remembers what would have been started.</summary>
    private sealed class KernelCollector : KernelLauncher
    {
        public HashSet<MethodInfo> Kernels { get; } = [];

        public void Collect(Graph graph) => Collect(graph, Enum.GetValues<CompileMode>());

        public void Collect(Graph graph, params ReadOnlySpan<CompileMode> modes)
        {
            foreach (CompileMode mode in modes)
            {
                CompiledProgram program = GraphCompiler.Compile(graph, new CompileOptions(mode, Materialize: true));
                foreach (Pipeline pipeline in program.Step.Append(program.Load).SelectMany(section => section.Pipelines))
                {
                    foreach (var unit in pipeline.Units)
                    {
                        unit.Launch(this, pipeline.Items);
                    }
                }
            }
        }

        public override void Launch<TArguments>(
            Action<Index1D, ArrayView<float>, ArrayView<int>, TArguments> kernel, int extentElements, TArguments arguments) => Kernels.Add(kernel.Method);

        public override void LaunchGroups<TArguments>(
            Action<ArrayView<float>, ArrayView<int>, TArguments> kernel, Index3D groups, Index3D threadsPerGroup, TArguments arguments) =>
            throw new NotSupportedException("no unit starts groups yet: teach the inspector explicit grouping with the first one");
    }
}
