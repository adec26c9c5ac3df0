using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Notation;

/// <summary>A function of index notation: an operator of the catalogue.</summary>
internal sealed record NotationFunction(int Arity, Operator Operator);

/// <summary>The scalar functions that expressions may use.</summary>
internal static class NotationFunctions
{
    public static IReadOnlyDictionary<string, NotationFunction> All { get; } = new Dictionary<string, NotationFunction>
    {
        ["+"] = new(2, new Add()),
        ["-"] = new(2, new Subtract()),
        ["*"] = new(2, new Multiply()),
        ["/"] = new(2, new Divide()),
        ["neg"] = new(1, new Negate()),
        ["abs"] = new(1, new Absolute()),
        ["sign"] = new(1, new Sign()),
        ["sqrt"] = new(1, new SquareRoot()),
        ["square"] = new(1, new Square()),
        ["floor"] = new(1, new Floor()),
        ["ceil"] = new(1, new Ceiling()),
        ["round"] = new(1, new Round()),
        ["exp"] = new(1, new Exponential()),
        ["log"] = new(1, new Logarithm()),
        ["erf"] = new(1, new ErrorFunction()),
        ["tanh"] = new(1, new HyperbolicTangent()),
        ["sigmoid"] = new(1, new Sigmoid()),
        ["relu"] = new(1, new Relu()),
        ["softplus"] = new(1, new Softplus()),
        ["softsign"] = new(1, new Softsign()),
        ["mish"] = new(1, new Mish()),
        ["hardswish"] = new(1, new HardSwish()),
        ["sin"] = new(1, new Sine()),
        ["cos"] = new(1, new Cosine()),
        ["tan"] = new(1, new Tangent()),
        ["asin"] = new(1, new ArcSine()),
        ["acos"] = new(1, new ArcCosine()),
        ["atan"] = new(1, new ArcTangent()),
        ["sinh"] = new(1, new HyperbolicSine()),
        ["cosh"] = new(1, new HyperbolicCosine()),
        ["asinh"] = new(1, new ArcHyperbolicSine()),
        ["acosh"] = new(1, new ArcHyperbolicCosine()),
        ["atanh"] = new(1, new ArcHyperbolicTangent()),
        ["pow"] = new(2, new Power()),
        ["max"] = new(2, new Maximum()),
        ["min"] = new(2, new Minimum()),
        ["less"] = new(2, new Less()),
        ["greater"] = new(2, new Greater()),
        ["equal"] = new(2, new Equal()),
        ["where"] = new(3, new Where()),
    };
}
