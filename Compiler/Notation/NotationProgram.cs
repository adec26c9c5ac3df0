using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Notation;

/// <summary>
/// Operators written in tensor index notation, one statement a line: <c>y[b,i] = sum(k) x[b,k] * w[i,k]</c>. Reductions sum, mean, max, min
/// and prod; windows <c>x[b, 2*i+p]</c>; positions looked up in another tensor, <c>t[idx[b], d]</c>; scalar functions of the catalogue. Every
/// index runs over the extent of the axis that it stands for; one that only stands in a sum of indices, as far as the sum fits.
/// </summary>
/// <remarks>
/// A sum of a product of two tensors is a contraction, with the bits of the built-in products; its summed indices run in the order in which
/// they are written. Every other reduction has the order of <see cref="Operators.Reduce"/>.
/// </remarks>
public sealed class NotationProgram
{
    private readonly string _source;

    private NotationProgram(string source, List<NotationDeclaration> declarations, List<NotationStatement> statements)
    {
        _source = source;
        Declarations = declarations;
        Statements = statements;
    }

    public IReadOnlyList<NotationDeclaration> Declarations { get; }

    public IReadOnlyList<NotationStatement> Statements { get; }

    /// <param name="text">Statements, and perhaps declarations of what they read.</param>
    /// <param name="source">For error messages: a file's name, say.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0431, with line and column.</exception>
    public static NotationProgram Parse(string text, string source = "notation")
    {
        (List<NotationDeclaration> declarations, List<NotationStatement> statements) = NotationParser.Parse(text, source);
        return statements.Count > 0
            ? new NotationProgram(source, declarations, statements)
            : throw new NotationPlace(1, 1).Error(source, "a statement such as y[i] = 2 * x[i]", "none");
    }

    /// <summary>Adds the statements' nodes to a graph.</summary>
    /// <param name="builder">The graph.</param>
    /// <param name="tensors">The whole values that the statements read, by name.</param>
    /// <returns>What each statement computes, by its target.</returns>
    /// <exception cref="Kernels.Errors.RduException">RDU0431: ranks, extents or indices do not fit, with line and column.</exception>
    public IReadOnlyDictionary<string, ValueId> Apply(GraphBuilder builder, IReadOnlyDictionary<string, ValueId> tensors)
    {
        var known = new Dictionary<string, ValueId>(tensors);
        var results = new Dictionary<string, ValueId>();
        foreach (NotationStatement statement in Statements)
        {
            ValueId value = new NotationLowering(builder, known, _source, statement).Run();
            known[statement.Target] = value;
            results[statement.Target] = value;
        }

        return results;
    }

    /// <summary>A graph of its own: the declarations are its inputs and parameters, the last statement's value is its output.</summary>
    public Graph Build()
    {
        var builder = new GraphBuilder();
        var tensors = new Dictionary<string, ValueId>();
        foreach (NotationDeclaration declaration in Declarations)
        {
            ValueId id = declaration.IsParameter ? builder.Parameter(declaration.Name, declaration.Type) : builder.Input(declaration.Name, declaration.Type);
            if (!tensors.TryAdd(declaration.Name, id))
            {
                throw declaration.Place.Error(_source, "names that differ", $"{declaration.Name} twice");
            }
        }

        return builder.Build(Apply(builder, tensors)[Statements[^1].Target]);
    }
}

/// <summary>Index notation as an operator of a graph that is being built.</summary>
public static class NotationBuilder
{
    /// <summary>The value of the last statement of a text.</summary>
    /// <param name="tensors">What the statements read, by name.</param>
    /// <exception cref="Kernels.Errors.RduException">RDU0431, with line and column.</exception>
    public static ValueId Apply(this GraphBuilder builder, string text, params ReadOnlySpan<(string Name, ValueId Value)> tensors)
    {
        var program = NotationProgram.Parse(text);
        var known = new Dictionary<string, ValueId>();
        foreach ((string name, ValueId value) in tensors)
        {
            known.Add(name, value);
        }

        return program.Apply(builder, known)[program.Statements[^1].Target];
    }
}
