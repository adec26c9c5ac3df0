using NUnit.Framework;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Operators;
using RduEmu.Compiler.Placement;
using RduEmu.Compiler.Placement.Fusion;
using RduEmu.Compiler.Placement.Machine;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Llm;

namespace RduEmu.Tests.Placement;

public sealed class FusionRulesTests
{
    private const string TwoLayers = """
        pair:
          priority: 1
          pattern:
            first: {op_type: linear, child: function}
            function: {op_type: [relu, sigmoid], required: false, child: second}
            second: {op_type: linear}
        """;

    [Test]
    public void Default_Rules_TheHigherPriorityFirst()
    {
        Assert.That(FusionRules.Default.Rules.Select(rule => rule.Priority), Is.Ordered.Descending);
        Assert.That(FusionRules.Default.Rules.Select(rule => rule.Heuristic).Distinct(), Has.Member(FusionHeuristic.SafeGemm).And.Member(FusionHeuristic.Mha).And.Member(FusionHeuristic.Sdpa));
    }

    [Test]
    public void Default_OperatorTypes_ThoseThatThereAre()
    {
        string[] known = [.. new[] { typeof(Operator).Assembly, typeof(LlamaGraph).Assembly }.SelectMany(assembly => assembly.GetTypes())
            .Where(type => type.IsSubclassOf(typeof(Operator))).Select(type => FusionRules.TypeNameOf(type.Name))];
        foreach (FusionRule rule in FusionRules.Default.Rules)
        {
            foreach (FusionEntry entry in rule.Pattern)
            {
                Assert.That(entry.OperatorTypes.Any(known.Contains), $"{rule.Name}, {entry.Name}: {entry.OperatorTypes}");
            }
        }
    }

    [TestCase("Linear", "linear")]
    [TestCase("LayerNorm", "layer_norm")]
    [TestCase("SgdStep", "sgd_step")]
    public void TypeNameOf_OperatorName_SmallWithUnderscores(string name, string expected) => Assert.That(FusionRules.TypeNameOf(name), Is.EqualTo(expected));

    [Test]
    public void Compile_Rule_ItsOperatorsAreOneSection()
    {
        PlacedProgram program = Compile(FusionRules.Parse(TwoLayers, "rules"));
        Assert.That(Sections(program), Is.EqualTo("Linear_0 Relu_1 Linear_2 | Relu_3 | Linear_4 | Relu_5"));
    }

    [Test]
    public void Compile_OptionalOperatorThatIsAbsent_ParentsMeetChildren()
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(64, 32));
        x = builder.Apply(new Linear(), builder.Apply(new Linear(), x, Weight(builder, 0)), Weight(builder, 1));
        PlacedProgram program = PlacementCompiler.Compile(builder.Build(x), Chips.Small, new PlacementOptions(CompileMode.O1) { Rules = FusionRules.Parse(TwoLayers, "rules") });
        Assert.That(Sections(program), Is.EqualTo("Linear_0 Linear_1"));
    }

    [Test]
    public void Compile_ExcludedOperator_MustBeThereButStaysOutside()
    {
        PlacedProgram program = Compile(FusionRules.Parse(TwoLayers.Replace("second: {op_type: linear}", "second: {op_type: linear, included: false}", StringComparison.Ordinal), "rules"));
        Assert.That(Sections(program), Is.EqualTo("Linear_0 Relu_1 | Linear_2 Relu_3 | Linear_4 | Relu_5"));
    }

    [Test]
    public void Compile_TwoRules_TheHigherPriorityWins()
    {
        const string Other = """

            tail:
              priority: 2
              heuristic: SAFE_GEMM
              pattern:
                product: {op_type: linear, child: function}
                function: {op_type: relu}
            """;
        PlacedProgram program = Compile(FusionRules.Parse(TwoLayers + "\n" + Other, "rules"));
        Assert.That(Sections(program), Is.EqualTo("Linear_0 Relu_1 | Linear_2 Relu_3 | Linear_4 Relu_5"));
    }

    [Test]
    public void Compile_MatchWithSomethingBetween_NotFused()
    {
        // y = a(x) + sum of squares that needs a(x): fusing the product and the last addition would make the section wait for itself.
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(64, 32));
        ValueId product = builder.Apply(new Linear(), x, Weight(builder, 0));
        ValueId between = builder.Apply(new Sigmoid(), product);
        ValueId sum = builder.Apply(new Add(), product, between);
        const string Rule = """
            around:
              priority: 1
              pattern:
                product: {op_type: linear, child: sum}
                sum: {op_type: add}
            """;
        PlacedProgram program = PlacementCompiler.Compile(builder.Build(sum), Chips.Small, new PlacementOptions(CompileMode.O1) { Rules = FusionRules.Parse(Rule, "rules") });
        Assert.That(Sections(program), Is.EqualTo("Linear_0 | Sigmoid_1 | Add_2"));
    }

    [TestCase("a: [", "YAML")]
    [TestCase("a: {priority: high}", "priority")]
    [TestCase("a: {priority: 1}", "a pattern")]
    [TestCase("a: {priority: 1, heuristic: FAST, pattern: {x: {op_type: linear}}}", "SAFE_GEMM")]
    [TestCase("a: {priority: 1, pattern: {x: {child: y}}}", "op_type")]
    [TestCase("a: {priority: 1, pattern: {x: {op_type: linear, child: y}}}", "a child")]
    [TestCase("a: {priority: 1, pattern: {x: {op_type: linear, required: maybe}}}", "true or false")]
    [TestCase("a: {priority: 1, pattern: {x: {op_type: linear, kind: y}}}", "match_first_option")]
    [TestCase("- a", "a mapping of rules")]
    public void Parse_WhatIsNoRule_SaysWhere(string text, string expected)
    {
        RduException? error = Assert.Throws<RduException>(() => FusionRules.Parse(text, "rules.yaml"));
        Assert.That(error!.Id, Is.EqualTo(ErrorCatalogue.FusionRuleInvalid));
        Assert.That(error.Message, Does.Contain("rules.yaml").And.Contain(expected));
    }

    private static PlacedProgram Compile(FusionRules rules)
    {
        var builder = new GraphBuilder();
        ValueId x = builder.Input("x", TensorType.Samples(64, 32));
        for (int layer = 0; layer < 3; layer++)
        {
            x = builder.Apply(new Relu(), builder.Apply(new Linear(), x, Weight(builder, layer)));
        }

        return PlacementCompiler.Compile(builder.Build(x), Chips.Small, new PlacementOptions(CompileMode.O1) { Rules = rules });
    }

    private static ValueId Weight(GraphBuilder builder, int layer) => builder.Parameter($"w{layer}", TensorType.Whole(32, 32));

    private static string Sections(PlacedProgram program) =>
        string.Join(" | ", program.Sections.Select(placed => string.Join(' ', placed.Section.Operators.Select(index => program.Graph.Operators[index].Name))));
}
