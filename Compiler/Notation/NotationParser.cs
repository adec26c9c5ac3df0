using System.Globalization;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Notation;

/// <summary>
/// The grammar of index notation. A reduction takes the product that follows it: <c>sum(k) x[b,k] * w[i,k] + c[i]</c> adds c once.
/// <code>
/// statement   = name [ "[" index { "," index } "]" ] "=" sum
/// sum         = product { ("+" | "-") product }
/// product     = factor { ("*" | "/") factor }
/// factor      = "-" factor | number | "(" sum ")" | reduction | function "(" sum { "," sum } ")" | access
/// reduction   = ("sum" | "mean" | "max" | "min" | "prod") "(" index { "," index } ")" product
/// access      = name [ "[" position { "," position } "]" ]
/// position    = name "[" position { "," position } "]" | term { ("+" | "-") term }
/// term        = [ integer "*" ] index | integer
/// declaration = ("input" | "parameter") name "[" integer { "," integer } "]" [ type ]
/// </code>
/// </summary>
internal sealed class NotationParser
{
    private static readonly Dictionary<string, ReduceKind> Reductions = new()
    {
        ["sum"] = ReduceKind.Sum,
        ["mean"] = ReduceKind.Mean,
        ["max"] = ReduceKind.Max,
        ["min"] = ReduceKind.Min,
        ["prod"] = ReduceKind.Product,
    };

    /// <summary>Brackets within brackets: more than anybody writes, and far from what a stack holds.</summary>
    private const int DeepestNesting = 200;

    private readonly NotationReader _reader;
    private int _nesting;

    private NotationParser(NotationReader reader) => _reader = reader;

    /// <exception cref="Kernels.Errors.RduException">RDU0431, with line and column.</exception>
    public static (List<NotationDeclaration> Declarations, List<NotationStatement> Statements) Parse(string text, string source)
    {
        var parser = new NotationParser(new NotationReader(text, source));
        var declarations = new List<NotationDeclaration>();
        var statements = new List<NotationStatement>();
        NotationReader reader = parser._reader;
        while (reader.Kind != NotationToken.End)
        {
            if (reader.Kind == NotationToken.LineEnd || reader.Is(";"))
            {
                reader.Next();
                continue;
            }

            NotationPlace place = reader.Place;
            string name = reader.ExpectName("a statement");
            if (name is "input" or "parameter" && reader.Kind == NotationToken.Name)
            {
                declarations.Add(parser.Declaration(place, name == "parameter"));
            }
            else
            {
                statements.Add(parser.Statement(place, name));
            }

            if (reader.Kind is not (NotationToken.LineEnd or NotationToken.End) && !reader.Is(";"))
            {
                throw reader.Unexpected("the end of the statement");
            }
        }

        return (declarations, statements);
    }

    private NotationDeclaration Declaration(NotationPlace place, bool isParameter)
    {
        string name = _reader.ExpectName("a name");
        var shape = new List<int>();
        if (_reader.Take("["))
        {
            do
            {
                shape.Add(_reader.ExpectInteger("an extent"));
            }
            while (_reader.Take(","));
            _reader.Expect("]");
        }

        if (shape.Aggregate(1d, (product, extent) => product * extent) > int.MaxValue)
        {
            throw place.Error(_reader.Source, $"at most {int.MaxValue} elements of {name}", string.Join(" x ", shape));
        }

        ElementType element = ElementType.Float32;
        if (_reader.Kind == NotationToken.Name)
        {
            if (!Enum.TryParse(_reader.Text, ignoreCase: true, out element) || !Enum.IsDefined(element))
            {
                throw _reader.Unexpected($"an element type ({string.Join(", ", Enum.GetNames<ElementType>().Select(known => known.ToLowerInvariant()))})");
            }

            _reader.Next();
        }

        return new NotationDeclaration(place, name, isParameter, TensorType.Whole(element, [.. shape]));
    }

    private NotationStatement Statement(NotationPlace place, string target)
    {
        var indices = new List<string>();
        if (_reader.Take("["))
        {
            do
            {
                NotationPlace at = _reader.Place;
                string index = _reader.ExpectName("an index");
                if (indices.Contains(index))
                {
                    throw at.Error(_reader.Source, "indices that differ", $"{index} twice");
                }

                indices.Add(index);
            }
            while (_reader.Take(","));
            _reader.Expect("]");
        }

        _reader.Expect("=");
        return new NotationStatement(place, target, EquatableArray.Create<string>([.. indices]), Sum());
    }

    private NotationExpression Sum()
    {
        NotationExpression left = Product();
        while (_reader.Is("+") || _reader.Is("-"))
        {
            (NotationPlace place, string symbol) = (_reader.Place, _reader.Text);
            _reader.Next();
            left = new NotationCall(place, symbol, [left, Product()]);
        }

        return left;
    }

    private NotationExpression Product()
    {
        NotationExpression left = Factor();
        while (_reader.Is("*") || _reader.Is("/"))
        {
            (NotationPlace place, string symbol) = (_reader.Place, _reader.Text);
            _reader.Next();
            left = new NotationCall(place, symbol, [left, Factor()]);
        }

        return left;
    }

    private NotationExpression Factor()
    {
        if (++_nesting > DeepestNesting)
        {
            throw _reader.Place.Error(_reader.Source, $"at most {DeepestNesting} brackets in brackets", "more", "split the statement");
        }

        NotationExpression factor = FactorInside();
        _nesting--;
        return factor;
    }

    private NotationExpression FactorInside()
    {
        NotationPlace place = _reader.Place;
        if (_reader.Take("-"))
        {
            return new NotationCall(place, "neg", [Factor()]);
        }

        if (_reader.Take("("))
        {
            NotationExpression inside = Sum();
            _reader.Expect(")");
            return inside;
        }

        if (_reader.Kind == NotationToken.Number)
        {
            if (!float.TryParse(_reader.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value))
            {
                throw _reader.Unexpected("a number");
            }

            _reader.Next();
            return new NotationNumber(place, value);
        }

        string name = _reader.ExpectName("a tensor, a number, a function or a bracket");
        if (!_reader.Is("("))
        {
            return Access(place, name);
        }

        if (Reductions.TryGetValue(name, out ReduceKind kind) && TryIndices() is { } indices)
        {
            return new NotationReduction(place, kind, EquatableArray.Create<string>([.. indices]), Product());
        }

        if (!NotationFunctions.All.TryGetValue(name, out NotationFunction? function))
        {
            throw place.Error(_reader.Source, $"a function of {string.Join(", ", NotationFunctions.All.Keys.Where(known => char.IsLetter(known[0])).Order())}, or a reduction", $"'{name}'");
        }

        _reader.Expect("(");
        var arguments = new List<NotationExpression>();
        do
        {
            arguments.Add(Sum());
        }
        while (_reader.Take(","));
        _reader.Expect(")");
        return arguments.Count == function.Arity
            ? new NotationCall(place, name, EquatableArray.Create<NotationExpression>([.. arguments]))
            : throw place.Error(_reader.Source, $"{function.Arity} arguments of {name}", $"{arguments.Count}");
    }

    /// <summary>The indices of a reduction; null, and nothing read, if these are the arguments of a function.</summary>
    private List<string>? TryIndices()
    {
        var mark = _reader.Mark();
        var indices = new List<string>();
        do
        {
            _reader.Next();
            if (_reader.Kind != NotationToken.Name)
            {
                _reader.Return(mark);
                return null;
            }

            indices.Add(_reader.Text);
            _reader.Next();
        }
        while (_reader.Is(","));
        if (_reader.Take(")") && (_reader.Kind is NotationToken.Name or NotationToken.Number || _reader.Is("(") || _reader.Is("-")))
        {
            return indices;
        }

        _reader.Return(mark);
        return null;
    }

    private NotationAccess Access(NotationPlace place, string name)
    {
        var positions = new List<NotationIndex>();
        if (_reader.Take("["))
        {
            do
            {
                positions.Add(Position());
            }
            while (_reader.Take(","));
            _reader.Expect("]");
        }

        return new NotationAccess(place, name, EquatableArray.Create<NotationIndex>([.. positions]));
    }

    private NotationIndex Position()
    {
        NotationPlace place = _reader.Place;
        var terms = new List<NotationTerm>();
        int offset = 0;
        int sign = _reader.Take("-") ? -1 : 1;
        while (true)
        {
            if (_reader.Kind == NotationToken.Number)
            {
                int factor = _reader.ExpectInteger("a whole number");
                if (_reader.Take("*"))
                {
                    Add(terms, _reader.ExpectName("an index"), sign * factor);
                }
                else
                {
                    offset += sign * factor;
                }
            }
            else
            {
                string name = _reader.ExpectName("an index");
                if (_reader.Is("[") && terms.Count == 0 && offset == 0 && sign == 1)
                {
                    return new NotationIndex(place, [], 0, Access(place, name));
                }

                Add(terms, name, sign);
            }

            if (!_reader.Is("+") && !_reader.Is("-"))
            {
                return new NotationIndex(place, EquatableArray.Create<NotationTerm>([.. terms]), offset, null);
            }

            sign = _reader.Is("-") ? -1 : 1;
            _reader.Next();
        }
    }

    private static void Add(List<NotationTerm> terms, string index, int factor)
    {
        int known = terms.FindIndex(term => term.Index == index);
        if (known >= 0)
        {
            terms[known] = new NotationTerm(index, terms[known].Factor + factor);
        }
        else
        {
            terms.Add(new NotationTerm(index, factor));
        }
    }
}
