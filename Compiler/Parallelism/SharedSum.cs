using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Parallelism;

/// <summary>A sum over samples that is made of shares, while its graphs grow.</summary>
/// <param name="rule">How.</param>
/// <param name="inputs">What is summed.</param>
/// <param name="types">The types of these.</param>
/// <param name="tree">For each sample or range of samples the rows of its shares, in order.</param>
internal sealed class SharedSum(SumRule rule, ValueId[] inputs, OperatorInputs types, List<List<Piece>> tree)
{
    private readonly List<(ValueId Sum, int Level)> _pending = [];

    public SumRule Rule => rule;

    public ValueId[] Inputs => inputs;

    public OperatorInputs Types => types;

    /// <summary>The type of the sum.</summary>
    public TensorType Output { get; } = rule.Sum.Infer(types);

    /// <summary>The rows of each share.</summary>
    public Piece[] Rows { get; } = [.. tree.SelectMany(sample => sample)];

    /// <summary>The shares that are not pending, by position.</summary>
    public ValueId[] Shares { get; } = new ValueId[tree.Sum(sample => sample.Count)];

    /// <summary>True if one RDU makes all shares, each of whole samples.</summary>
    public bool IsOnOne => tree.TrueForAll(sample => sample.Count == 1) && Rows.All(rows => rows.Socket == Rows[0].Socket);

    /// <summary>True if the share goes on with the total of the one before.</summary>
    public bool Continues(int position) => rule.Order == ShareOrder.Continued && position > 0 && Rows[position].Region.Begin[0] == Rows[position - 1].Region.Begin[0];

    /// <summary>For each sample what is to be added: all its shares, or the last one that continues the others. None where shares pend.</summary>
    public ValueId[][] Totals()
    {
        if (_pending.Count > 0)
        {
            return [];
        }

        var totals = new List<ValueId[]>();
        int position = 0;
        foreach (List<Piece> sample in tree)
        {
            ValueId[] shares = Shares[position..(position + sample.Count)];
            totals.Add(rule.Order == ShareOrder.Continued ? [shares[^1]] : shares);
            position += sample.Count;
        }

        return [.. totals];
    }

    /// <summary>The next share: a step of the binary counter that makes the tree over the position.</summary>
    public void Push(ValueId share, Func<ValueId, ValueId, ValueId> add)
    {
        int level = 0;
        while (_pending.Count > 0 && _pending[^1].Level == level)
        {
            share = add(_pending[^1].Sum, share);
            _pending.RemoveAt(_pending.Count - 1);
            level++;
        }

        _pending.Add((share, level));
    }

    /// <summary>The sum of all that pends, or null if nothing does.</summary>
    public ValueId? Pending(Func<ValueId, ValueId, ValueId> add)
    {
        if (_pending.Count == 0)
        {
            return null;
        }

        ValueId sum = _pending[^1].Sum;
        for (int i = _pending.Count - 2; i >= 0; i--)
        {
            sum = add(_pending[i].Sum, sum);
        }

        return sum;
    }
}
