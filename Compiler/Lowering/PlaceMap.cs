using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Lowering;

/// <summary>Values that have no storage of their own: a range of columns of another value, or the same as another.</summary>
public sealed class PlaceMap
{
    private readonly Dictionary<ValueId, (ValueId Parent, int FirstColumn)> _parents = [];
    private readonly HashSet<ValueId> _reshaped = [];

    public bool IsPlaced(ValueId value) => _parents.ContainsKey(value);

    public void SliceOf(ValueId value, ValueId parent, int firstColumn) => _parents.Add(value, (parent, firstColumn));

    /// <summary>The value is the other one under another name or shape: the same words of each item.</summary>
    public void SameAs(ValueId value, ValueId other) => _parents.Add(value, (other, 0));

    /// <summary>The value has the elements of the other one, both whole and dense, in another shape: its rows need not be rows of that.</summary>
    public void ReshapeOf(ValueId value, ValueId other)
    {
        SameAs(value, other);
        _reshaped.Add(value);
    }

    /// <summary>True if the value's rows need not be rows of the value that holds it: it is all of it, in another shape.</summary>
    public bool IsReshaped(ValueId value)
    {
        while (_parents.TryGetValue(value, out (ValueId Parent, int FirstColumn) place))
        {
            if (_reshaped.Contains(value))
            {
                return true;
            }

            value = place.Parent;
        }

        return false;
    }

    /// <summary>All values that lie in another one.</summary>
    public IEnumerable<ValueId> Placed => _parents.Keys;

    /// <summary>The value whose storage holds this one, and where in its rows.</summary>
    public (ValueId Root, int FirstColumn) Resolve(ValueId value)
    {
        int column = 0;
        while (_parents.TryGetValue(value, out (ValueId Parent, int FirstColumn) place))
        {
            column += place.FirstColumn;
            value = place.Parent;
        }

        return (value, column);
    }
}
