using RduEmu.Compiler.Differentiation;
using RduEmu.Compiler.Graphs;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Compiler.Operators;

/// <summary>x + y; integers wrap.</summary>
public sealed record Add : BroadcastOperator
{
    public override int Arity => 2;

    public override Type Function => typeof(AddFunction);

    public override Type? WordFunction(ElementType element) => Pick(element, typeof(AddWord), typeof(AddWord), typeof(AddFloat64Word));

    public override void Differentiate(GradientScope scope, Node node, ValueId gradient)
    {
        BroadcastShape.Add(scope, node, 0, () => gradient);
        BroadcastShape.Add(scope, node, 1, () => gradient);
    }
}
