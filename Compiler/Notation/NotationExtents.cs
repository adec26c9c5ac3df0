using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Notation;

/// <summary>How far each index of a statement runs: worked out from the accesses, and checked against all of them.</summary>
internal sealed class NotationExtents
{
    private readonly Dictionary<string, int> _extents = [];
    private readonly List<(NotationIndex Index, int Extent, string Tensor)> _positions = [];
    private readonly Func<NotationAccess, TensorType> _typeOf;
    private readonly string _source;

    public NotationExtents(NotationStatement statement, Func<NotationAccess, TensorType> typeOf, string source)
    {
        _typeOf = typeOf;
        _source = source;
        Collect(statement.Value);
        foreach ((NotationIndex index, int extent, string tensor) in _positions)
        {
            if (index is { Offset: 0, Terms: [{ Factor: 1 } term] })
            {
                Set(index.Place, term.Index, extent, tensor);
            }
        }

        while (FromSums())
        {
        }

        Check(statement);
    }

    public int this[string index] => _extents[index];

    private void Collect(NotationExpression expression)
    {
        switch (expression)
        {
            case NotationCall call:
                foreach (NotationExpression argument in call.Arguments)
                {
                    Collect(argument);
                }

                break;
            case NotationReduction reduction:
                Collect(reduction.Body);
                break;
            case NotationAccess access:
                TensorType type = _typeOf(access);
                if (type.Rank != access.Indices.Count)
                {
                    throw access.Place.Error(_source, $"{type.Rank} positions of {access.Name} ({type})", $"{access.Indices.Count}");
                }

                for (int axis = 0; axis < type.Rank; axis++)
                {
                    if (access.Indices[axis].Positions is { } positions)
                    {
                        Collect(positions);
                    }
                    else
                    {
                        _positions.Add((access.Indices[axis], type.Shape[axis], access.Name));
                    }
                }

                break;
        }
    }

    private void Set(NotationPlace place, string index, int extent, string tensor)
    {
        if (_extents.TryGetValue(index, out int known) && known != extent)
        {
            throw place.Error(_source, $"{index} to run over {known} as elsewhere", $"{extent}, the extent of an axis of {tensor}");
        }

        _extents[index] = extent;
    }

    /// <summary>An index that only stands in sums runs as far as the first of them allows, all others being known.</summary>
    private bool FromSums()
    {
        foreach ((NotationIndex index, int extent, string _) in _positions)
        {
            NotationTerm[] unknown = [.. index.Terms.Where(term => !_extents.ContainsKey(term.Index))];
            if (unknown.Length != 1 || unknown[0].Factor <= 0)
            {
                continue;
            }

            long room = extent - 1L - index.Offset;
            foreach (NotationTerm term in index.Terms)
            {
                room -= term.Index != unknown[0].Index && term.Factor > 0 ? (long)term.Factor * (_extents[term.Index] - 1) : 0;
            }

            _extents[unknown[0].Index] = (int)Math.Max(0, room < 0 ? 0 : room / unknown[0].Factor + 1);
            return true;
        }

        return false;
    }

    private void Check(NotationStatement statement)
    {
        foreach ((NotationIndex index, int extent, string tensor) in _positions)
        {
            long least = index.Offset;
            long most = index.Offset;
            bool isEmpty = false;
            foreach (NotationTerm term in index.Terms)
            {
                if (!_extents.TryGetValue(term.Index, out int steps))
                {
                    throw index.Place.Error(_source, "an index whose extent follows from an axis", term.Index, "use it alone somewhere");
                }

                isEmpty |= steps == 0;
                least += Math.Min(0L, (long)term.Factor * (steps - 1));
                most += Math.Max(0L, (long)term.Factor * (steps - 1));
            }

            if (!isEmpty && (least < 0 || most >= extent))
            {
                throw index.Place.Error(_source, $"positions from 0 to {extent - 1}, an axis of {tensor}", $"{least} to {most}");
            }
        }

        foreach (string index in statement.Indices)
        {
            if (!_extents.ContainsKey(index))
            {
                throw statement.Place.Error(_source, $"an index {index} on the right", "none", "use it, or leave it out on the left");
            }
        }
    }
}
