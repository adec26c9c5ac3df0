using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Parallelism;

/// <summary>
/// Rewrites a graph into one graph for each RDU, with <see cref="Exchange"/> nodes where one takes what another has. The bits are those
/// of the whole graph whatever the sharding: a piece is computed by <see cref="Operator.SliceOf"/>, or the whole value is; a sum over
/// samples is made of shares where <see cref="ShareTree"/> says that they are parts of its tree, or of all rows.
/// </summary>
/// <remarks>
/// An RDU computes the pieces that it owns. What a piece reads and the RDU does not have is brought to it, once. A weight that a contraction
/// reads is kept, packed, in every part in which one of the RDU's contractions reads it; parts of it that are computed elsewhere are
/// brought after the update.
/// </remarks>
/// <example>y = Linear(x, w) with w cut into rows --> on each RDU y_i = Linear(x, w_i); a reader of all columns of y: Exchange(y_i).</example>
public sealed class Sharder
{
    private readonly Graph _graph;
    private readonly Sharding _sharding;
    private readonly SocketBuilder[] _sockets;
    private readonly List<TensorType> _shareTypes = [];
    private readonly List<Layout> _shareLayouts = [];
    private readonly Dictionary<ValueId, SharedSum> _sums = [];
    private int _exchanges;

    private Sharder(Sharding sharding)
    {
        _graph = sharding.Graph;
        _sharding = sharding;
        _sockets = [.. Enumerable.Range(0, sharding.Sockets).Select(_ => new SocketBuilder())];
        foreach (Value value in _graph.Values.Where(value => value.Role == ValueRole.Parameter))
        {
            foreach (Piece piece in sharding.LayoutOf(value.Id).Pieces)
            {
                foreach (int socket in SocketsOf(piece))
                {
                    _sockets[socket].AddParameter(value, piece.Region);
                }
            }
        }
    }

    /// <param name="sharding">How the graph is shared.</param>
    /// <param name="outputs">What is wanted of it.</param>
    /// <returns>For each RDU its graph; each piece of an output is an output of one of them.</returns>
    public static ImmutableArray<SocketGraph> Run(Sharding sharding, IReadOnlyList<ValueId> outputs)
    {
        var sharder = new Sharder(sharding);
        foreach (List<Task> turn in sharder.Turns())
        {
            Node node = turn[0].Node;
            int[] positions = [.. turn.Select(task => task.Position)];
            if (turn[0].IsShare)
            {
                sharder.ComputeShares(node, sharder._sums[node.Output], positions);
            }
            else if (sharder._sums.TryGetValue(node.Output, out SharedSum? sum))
            {
                sharder.Finish(node, sum);
            }
            else
            {
                Piece[] pieces = [.. sharding.LayoutOf(node.Output).Pieces];
                sharder.Compute(node, [.. positions.Select(position => pieces[position])]);
            }
        }

        sharder.AddUpdates();
        foreach (ValueId output in outputs)
        {
            foreach (Piece piece in sharding.LayoutOf(output).Pieces)
            {
                sharder._sockets[Math.Max(0, piece.Socket)].AddOutput(output, piece.Region);
            }
        }

        return [.. sharder._sockets.Select(socket => socket.Build())];
    }

    /// <summary>
    /// What is computed, in order; pieces of a node that stand together are computed together. A share of a sum is computed as soon as its
    /// rows are there.
    /// </summary>
    private List<List<Task>> Turns()
    {
        var keys = new Dictionary<ValueId, long[]>();
        var tasks = new List<Task>();
        foreach (Node node in _graph.Nodes)
        {
            long after = node.Inputs.Where(keys.ContainsKey).Select(input => keys[input].Max()).DefaultIfEmpty(long.MinValue).Max();
            EquatableArray<Piece> pieces = _sharding.LayoutOf(node.Output).Pieces;
            if (pieces.Count == 1 && SumOf(node) is { } sum)
            {
                _sums.Add(node.Output, sum);
                long last = long.MinValue;
                for (int i = 0; i < sum.Rows.Length; i++)
                {
                    last = Math.Max(last, AfterPiece(node, i, sum.Rows.Length));
                    tasks.Add(new Task(last, node, i, IsShare: true));
                }
            }

            var own = new long[pieces.Count];
            for (int i = 0; i < own.Length; i++)
            {
                own[i] = Math.Max(_sharding.OrderOf(node, i), pieces.Count == 1 ? after : AfterPiece(node, i, pieces.Count));
                tasks.Add(new Task(own[i], node, i, IsShare: false));
            }

            keys.Add(node.Output, own);
        }

        // A piece waits for the same piece of inputs that are cut alike, else for all of the input.
        long AfterPiece(Node node, int piece, int pieces) => node.Inputs.Where(keys.ContainsKey)
            .Select(input => keys[input].Length == pieces ? keys[input][piece] : keys[input].Max()).DefaultIfEmpty(long.MinValue).Max();

        var turns = new List<List<Task>>();
        foreach (Task task in tasks.OrderBy(task => task.Key).ThenBy(task => task.Node.Id.Index).ThenBy(task => !task.IsShare).ThenBy(task => task.Position))
        {
            if (turns.Count == 0 || turns[^1][0].Node != task.Node || turns[^1][0].IsShare != task.IsShare)
            {
                turns.Add([]);
            }

            turns[^1].Add(task);
        }

        return turns;
    }

    private IEnumerable<int> SocketsOf(Piece piece) => piece.Socket == Piece.Everywhere ? Enumerable.Range(0, _sockets.Length) : [piece.Socket];

    private TensorType TypeOf(ValueId value) => value.Index < _graph.Values.Count ? _graph[value].Type : _shareTypes[value.Index - _graph.Values.Count];

    private Layout LayoutOf(ValueId value) => value.Index < _graph.Values.Count ? _sharding.LayoutOf(value) : _shareLayouts[value.Index - _graph.Values.Count];

    private OperatorInputs InputsOf(Node node) => new(node.Name, node.Operator.Name, [.. node.Inputs.Select(TypeOf)]);

    private void Compute(Node node, IReadOnlyList<Piece> pieces)
    {
        OperatorInputs inputs = InputsOf(node);
        TensorType output = TypeOf(node.Output);
        SliceRule[] rules =
        [
            .. pieces.Select(piece => piece.Region.IsAllOf(output)
                ? new SliceRule(node.Operator, [.. inputs.Types.Select(Region.Of)])
                : node.Operator.SliceOf(inputs, output, piece.Region) ?? throw new InvalidOperationException($"{node.Name} cannot be computed as {piece.Region}")),
        ];
        for (int i = 0; i < node.Inputs.Count; i++)
        {
            Bring(
                node.Inputs[i], pieces.SelectMany((piece, p) => SocketsOf(piece).Select(socket => (socket, rules[p].Inputs[i]))),
                isPacked: node.Operator.PackedInput == i);
        }

        for (int p = 0; p < pieces.Count; p++)
        {
            foreach (int socket in SocketsOf(pieces[p]))
            {
                SocketBuilder here = _sockets[socket];
                ValueId local = here.Builder.Apply(node with { Operator = rules[p].Operator }, [.. node.Inputs.Select((input, i) => here[input, rules[p].Inputs[i]])]);
                here.Hold(node.Output, pieces[p].Region, local);
            }
        }
    }

    /// <summary>A sum over samples as shares, each where its rows are; null if there are none that are parts of the sum's tree.</summary>
    private SharedSum? SumOf(Node node)
    {
        OperatorInputs inputs = InputsOf(node);
        if (node.Operator.Shares(inputs) is not { } rule)
        {
            return null;
        }

        ValueId[] summed = [.. rule.Inputs.Select(i => node.Inputs[i])];
        OperatorInputs types = inputs with { Types = [.. summed.Select(TypeOf)] };
        return ShareTree.Of(TypeOf(summed[0]), LayoutOf(summed[0]), rule, types) is { } tree ? new SharedSum(rule, summed, types, tree) : null;
    }

    private void ComputeShares(Node node, SharedSum sum, int[] positions)
    {
        Region all = Region.Of(sum.Output);
        SliceRule[] rules = [.. positions.Select(position => sum.Rule.Sum.Share(sum.Types, sum.Rows[position].Region)!)];
        for (int i = 0; i < sum.Inputs.Length; i++)
        {
            Bring(sum.Inputs[i], positions.Select((position, p) => (sum.Rows[position].Socket, rules[p].Inputs[i])), isPacked: false);
        }

        int where = LayoutOf(node.Output).Pieces[0].Socket;
        for (int p = 0; p < positions.Length; p++)
        {
            int position = positions[p];
            int socket = sum.Rows[position].Socket;
            SocketBuilder here = _sockets[socket];
            List<ValueId> locals = [.. sum.Inputs.Select((input, i) => here[input, rules[p].Inputs[i]])];
            if (sum.Continues(position))
            {
                ValueId before = sum.Shares[position - 1];
                Bring(before, [(socket, all)], isPacked: false);
                locals.Add(here[before, all]);
            }

            ValueId share = here.Builder.Apply(rules[p].Operator, [.. locals]);
            if (socket == where && sum.IsOnOne)
            {
                // Added as soon as it is there: few sums pend at a time.
                sum.Push(share, (left, right) => here.Builder.Apply(new Add(), left, right));
                continue;
            }

            sum.Shares[position] = new ValueId(_graph.Values.Count + _shareTypes.Count);
            _shareTypes.Add(sum.Output);
            _shareLayouts.Add(Layout.On(sum.Output, socket));
            here.Hold(sum.Shares[position], all, share);
        }
    }

    /// <summary>The sum of all shares, and what is done with it.</summary>
    private void Finish(Node node, SharedSum sum)
    {
        Piece where = LayoutOf(node.Output).Pieces[0];
        Region all = Region.Of(sum.Output);
        ValueId[][] totals = sum.Totals();
        foreach (ValueId total in totals.SelectMany(sample => sample))
        {
            Bring(total, SocketsOf(where).Select(socket => (socket, all)), isPacked: false);
        }

        ValueId? other = sum.Rule.Finish is null ? null : node.Inputs[sum.Rule.FinishInput];
        if (other is { } finishing)
        {
            Bring(finishing, SocketsOf(where).Select(socket => (socket, Region.Of(TypeOf(finishing)))), isPacked: false);
        }

        foreach (int socket in SocketsOf(where))
        {
            SocketBuilder here = _sockets[socket];
            ValueId result = sum.Pending((left, right) => here.Builder.Apply(new Add(), left, right))
                ?? Combine(here, totals.Select(sample => Combine(here, sample.Select(total => here[total, all]).ToArray())).ToArray());
            result = other is { } known ? here.Builder.Apply(sum.Rule.Finish!, result, here[known, Region.Of(TypeOf(known))]) : result;
            here.Hold(node.Output, where.Region, result);
        }
    }

    /// <summary>The sum by the binary tree over the position, aligned to powers of two.</summary>
    private static ValueId Combine(SocketBuilder here, ReadOnlySpan<ValueId> some)
    {
        if (some.Length == 1)
        {
            return some[0];
        }

        int left = 1 << (31 - int.LeadingZeroCount(some.Length - 1));
        ValueId first = Combine(here, some[..left]);
        return here.Builder.Apply(new Add(), first, Combine(here, some[left..]));
    }

    private void AddUpdates()
    {
        foreach (Update update in _graph.Updates)
        {
            Bring(
                update.Value,
                _sockets.SelectMany((socket, i) => socket.Parameters.Where(local => local.Whole == update.Parameter).Select(local => (i, local.Region))), isPacked: false);
            foreach (SocketBuilder here in _sockets)
            {
                foreach (LocalValue parameter in here.Parameters.Where(local => local.Whole == update.Parameter))
                {
                    here.Builder.Update(parameter.Local, here[update.Value, parameter.Region]);
                }
            }
        }
    }

    /// <summary>Sees to it that RDUs have parts of a value.</summary>
    /// <param name="isPacked">True if a contraction reads it: a parameter is then kept in this part.</param>
    private void Bring(ValueId value, IEnumerable<(int Socket, Region Region)> wanted, bool isPacked)
    {
        var missing = new List<(int Socket, Region Region)>();
        foreach ((int socket, Region region) in wanted.Distinct())
        {
            SocketBuilder here = _sockets[socket];
            if (here.Find(value, region) is not null)
            {
                continue;
            }

            Value? known = value.Index < _graph.Values.Count ? _graph[value] : null;
            if (known?.Constant is { } constant)
            {
                here.Hold(value, region, here.Builder.Constant(known.Name, region.TypeIn(known.Type), constant));
            }
            else if (known?.Role == ValueRole.Input)
            {
                here.AddInput(known, region);
            }
            else if (known?.Role == ValueRole.Parameter && isPacked)
            {
                here.AddParameter(known, region);
            }
            else if (isPacked && _sharding.BFloat16WeightOf(value) is { } weight)
            {
                MakeWeight(here, weight, region);
            }
            else
            {
                missing.Add((socket, region));
            }
        }

        while (missing.Count > 0)
        {
            (int Socket, Region Region)[] round = [.. missing.DistinctBy(want => want.Socket)];
            MakeExchange(value, round);
            missing.RemoveAll(round.Contains);
        }
    }

    /// <summary>A weight of a parameter in bf16: this RDU keeps the part of the parameter, as of one that is packed as it is.</summary>
    private void MakeWeight(SocketBuilder here, Node weight, Region region)
    {
        Value parameter = _graph[weight.Inputs[0]];
        SliceRule rule = weight.Operator.SliceOf(InputsOf(weight), TypeOf(weight.Output), region) ?? throw new InvalidOperationException($"{weight.Name} cannot be computed as {region}");
        if (here.Find(parameter.Id, rule.Inputs[0]) is null)
        {
            here.AddParameter(parameter, rule.Inputs[0]);
        }

        here.Hold(weight.Output, region, here.Builder.Apply(weight with { Operator = rule.Operator }, [here[parameter.Id, rule.Inputs[0]]]));
    }

    /// <summary>One exchange: at most one part for each RDU.</summary>
    private void MakeExchange(ValueId value, (int Socket, Region Region)[] wants)
    {
        var inputs = new List<ValueId>[_sockets.Length];
        var moves = new List<Move>[_sockets.Length];
        for (int i = 0; i < _sockets.Length; i++)
        {
            inputs[i] = [];
            moves[i] = [];
        }

        int InputOf(int socket, ValueId local)
        {
            int at = inputs[socket].IndexOf(local);
            if (at < 0)
            {
                at = inputs[socket].Count;
                inputs[socket].Add(local);
            }

            return at;
        }

        foreach ((int socket, Region region) in wants)
        {
            if (_sockets[socket].Containing(value, region) is var (around, inside))
            {
                moves[socket].Add(new Move(MoveKind.Keep, InputOf(socket, inside), region.Within(around), region.Within(region), -1));
                continue;
            }

            foreach (Piece piece in LayoutOf(value).Pieces)
            {
                Region part = piece.Region.Intersect(region);
                if (part.IsEmpty)
                {
                    continue;
                }

                int from = piece.IsOn(socket) ? socket : piece.Socket;
                int input = InputOf(from, _sockets[from][value, piece.Region]);
                if (from == socket)
                {
                    moves[socket].Add(new Move(MoveKind.Keep, input, part.Within(piece.Region), part.Within(region), -1));
                }
                else
                {
                    moves[from].Add(new Move(MoveKind.Send, input, part.Within(piece.Region), default, socket));
                    moves[socket].Add(new Move(MoveKind.Receive, -1, default, part.Within(region), from));
                }
            }
        }

        int number = _exchanges++;
        for (int i = 0; i < _sockets.Length; i++)
        {
            if (moves[i].Count == 0)
            {
                continue;
            }

            int want = wants.Select(wanted => wanted.Socket).ToList().IndexOf(i);
            TensorType result = want < 0 ? TensorType.Whole(1) : wants[want].Region.TypeIn(TypeOf(value));
            ValueId local = _sockets[i].Builder.Apply(new Exchange(number, result, [.. moves[i]], _sharding.IsOrdered), [.. inputs[i]]);
            if (want >= 0)
            {
                _sockets[i].Hold(value, wants[want].Region, local);
            }
        }
    }

    /// <summary>A piece of a node, or a share of it.</summary>
    private sealed record Task(long Key, Node Node, int Position, bool IsShare);
}
