using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;
using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Notation;

/// <summary>Where something stands in a text, both counted from 1.</summary>
public readonly record struct NotationPlace(int Line, int Column)
{
    internal RduException Error(string source, string expected, string got, string remedy = "correct the expression") =>
        new(ErrorCatalogue.NotationMalformed, $"{source}, line {Line}, column {Column}", expected, got, remedy);
}

/// <summary>An expression of tensors and indices.</summary>
public abstract record NotationExpression(NotationPlace Place);

/// <summary>A number.</summary>
public sealed record NotationNumber(NotationPlace Place, float Value) : NotationExpression(Place);

/// <summary>An element of a tensor; without indices, of a scalar.</summary>
public sealed record NotationAccess(NotationPlace Place, string Name, EquatableArray<NotationIndex> Indices) : NotationExpression(Place);

/// <summary>A function of one or more expressions; the operators + - * / among them.</summary>
public sealed record NotationCall(NotationPlace Place, string Function, EquatableArray<NotationExpression> Arguments) : NotationExpression(Place);

/// <summary>The reduction of an expression over indices.</summary>
public sealed record NotationReduction(NotationPlace Place, ReduceKind Kind, EquatableArray<string> Indices, NotationExpression Body)
    : NotationExpression(Place);

/// <summary>One position of an access: a sum of indices times whole numbers, or an element of a tensor of positions.</summary>
/// <param name="Terms">Each index with its factor.</param>
/// <param name="Positions">Where the position is looked up; null for a sum of indices.</param>
public sealed record NotationIndex(NotationPlace Place, EquatableArray<NotationTerm> Terms, int Offset, NotationAccess? Positions);

/// <summary>An index times a whole number.</summary>
public readonly record struct NotationTerm(string Index, int Factor);

/// <summary><c>target[indices] = value</c>.</summary>
public sealed record NotationStatement(NotationPlace Place, string Target, EquatableArray<string> Indices, NotationExpression Value);

/// <summary><c>input name[extents] type</c> or <c>parameter name[extents] type</c>.</summary>
public sealed record NotationDeclaration(NotationPlace Place, string Name, bool IsParameter, TensorType Type);
