using System.Globalization;

namespace RduEmu.Compiler.Notation;

internal enum NotationToken
{
    Name,
    Number,
    Symbol,
    LineEnd,
    End,
}

/// <summary>The words of a text in index notation; <c>#</c> begins a comment, and a line ends a statement unless a bracket is open.</summary>
internal sealed class NotationReader
{
    private readonly string _text;
    private readonly string _source;
    private int _at;
    private int _line = 1;
    private int _lineBegin;
    private int _depth;

    public NotationReader(string text, string source)
    {
        _text = text;
        _source = source;
        Next();
    }

    public NotationToken Kind { get; private set; }

    public string Text { get; private set; } = string.Empty;

    public NotationPlace Place { get; private set; }

    public string Source => _source;

    public bool Is(string symbol) => Kind == NotationToken.Symbol && Text == symbol;

    public bool Take(string symbol)
    {
        if (!Is(symbol))
        {
            return false;
        }

        Next();
        return true;
    }

    /// <exception cref="Kernels.Errors.RduException">RDU0431: something else stands there.</exception>
    public void Expect(string symbol)
    {
        if (!Take(symbol))
        {
            throw Unexpected($"'{symbol}'");
        }
    }

    public string ExpectName(string what)
    {
        if (Kind != NotationToken.Name)
        {
            throw Unexpected(what);
        }

        string name = Text;
        Next();
        return name;
    }

    public int ExpectInteger(string what)
    {
        if (Kind != NotationToken.Number || !int.TryParse(Text, NumberStyles.None, CultureInfo.InvariantCulture, out int value))
        {
            throw Unexpected(what);
        }

        Next();
        return value;
    }

    public Kernels.Errors.RduException Unexpected(string expected) => Place.Error(
        _source, expected, Kind switch { NotationToken.End => "the end of the text", NotationToken.LineEnd => "the end of the line", _ => $"'{Text}'" });

    /// <summary>A mark to go back to.</summary>
    public (int At, int Line, int LineBegin, int Depth, NotationToken Kind, string Text, NotationPlace Place) Mark() =>
        (_at, _line, _lineBegin, _depth, Kind, Text, Place);

    public void Return((int At, int Line, int LineBegin, int Depth, NotationToken Kind, string Text, NotationPlace Place) mark) =>
        (_at, _line, _lineBegin, _depth, Kind, Text, Place) = mark;

    public void Next()
    {
        Skip();
        Place = new NotationPlace(_line, _at - _lineBegin + 1);
        if (_at == _text.Length)
        {
            (Kind, Text) = (NotationToken.End, string.Empty);
            return;
        }

        int begin = _at;
        char first = _text[_at];
        if (first == '\n')
        {
            _at++;
            _line++;
            _lineBegin = _at;
            (Kind, Text) = (NotationToken.LineEnd, string.Empty);
            return;
        }

        if (char.IsAsciiLetter(first) || first == '_')
        {
            while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] == '_'))
            {
                _at++;
            }

            Kind = NotationToken.Name;
        }
        else if (char.IsAsciiDigit(first) || (first == '.' && _at + 1 < _text.Length && char.IsAsciiDigit(_text[_at + 1])))
        {
            Number();
            Kind = NotationToken.Number;
        }
        else
        {
            _at++;
            _depth += first is '(' or '[' ? 1 : first is ')' or ']' ? -1 : 0;
            Kind = NotationToken.Symbol;
        }

        Text = _text[begin.._at];
    }

    private void Number()
    {
        while (_at < _text.Length && (char.IsAsciiDigit(_text[_at]) || _text[_at] == '.'))
        {
            _at++;
        }

        if (_at < _text.Length && _text[_at] is 'e' or 'E')
        {
            int digits = _at + 1 < _text.Length && _text[_at + 1] is '+' or '-' ? _at + 2 : _at + 1;
            if (digits < _text.Length && char.IsAsciiDigit(_text[digits]))
            {
                _at = digits;
                while (_at < _text.Length && char.IsAsciiDigit(_text[_at]))
                {
                    _at++;
                }
            }
        }
    }

    private void Skip()
    {
        while (_at < _text.Length)
        {
            char next = _text[_at];
            if (next == '#')
            {
                while (_at < _text.Length && _text[_at] != '\n')
                {
                    _at++;
                }
            }
            else if (next == '\n' && _depth > 0)
            {
                _at++;
                _line++;
                _lineBegin = _at;
            }
            else if (next is ' ' or '\t' or '\r')
            {
                _at++;
            }
            else
            {
                return;
            }
        }
    }
}
