using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering.Stages;

namespace RduEmu.Compiler.Lowering;

/// <summary>
/// For each stage the section that it goes to, and for whole stages the chain: a gradient and the steps that take it run row
/// tile by row tile in one pipeline, so that a new state and a new weight cost one pass.
/// </summary>
internal sealed class StageLevels
{
    private readonly Graph _graph;
    private readonly IReadOnlyList<Stage> _stages;
    private readonly PlaceMap _places;
    private readonly int[] _levels;
    private readonly int[] _chains;
    private readonly bool[] _isClosed;
    private readonly Dictionary<ValueId, List<int>> _writers = [];
    private readonly Dictionary<ValueId, List<int>> _readers = [];
    private int _lastExchange;
    private int _first;

    private StageLevels(Graph graph, IReadOnlyList<Stage> stages, PlaceMap places)
    {
        _graph = graph;
        _stages = stages;
        _places = places;
        _levels = new int[stages.Count];
        _chains = [.. Enumerable.Range(0, stages.Count)];
        _isClosed = new bool[stages.Count];
    }

    /// <returns>For each stage its level, and the index of the first stage of its chain (its own if it is not in one).</returns>
    public static (int[] Levels, int[] Chains) Run(Graph graph, IReadOnlyList<Stage> stages, PlaceMap places)
    {
        var levels = new StageLevels(graph, stages, places);
        for (int i = 0; i < stages.Count; i++)
        {
            levels.Place(i);
        }

        levels.Sink();

        return (levels._levels, levels._chains);
    }

    private void Place(int i)
    {
        Stage stage = _stages[i];
        int[] dependences = Dependences(stage);
        int chain = ChainOf(stage, dependences);
        int need = _first;
        if (stage is ExchangeStage exchange)
        {
            // In one order on all RDUs; an ordered one ends all before it, and what follows comes not before it.
            need = Math.Max(need, _lastExchange);
            for (int j = 0; exchange.Exchange.IsOrdered && j < i; j++)
            {
                need = Math.Max(need, _levels[j] + (_stages[j] is ExchangeStage ? 0 : 1));
            }
        }

        foreach (int j in dependences)
        {
            if (_chains[j] != chain)
            {
                need = Math.Max(need, _levels[j] + (stage.IsWhole || _stages[j].IsWhole ? 1 : 0));
            }
        }

        // A chain can move to a later section as long as no stage outside has counted on where it is.
        if (chain >= 0 && need > _levels[chain] && _isClosed[chain])
        {
            need = Math.Max(need, _levels[chain] + 1);
            chain = -1;
        }

        if (chain >= 0)
        {
            need = Math.Max(need, _levels[chain]);
            for (int j = 0; j < i; j++)
            {
                if (_chains[j] == chain)
                {
                    _levels[j] = need;
                }
            }

            _chains[i] = chain;
        }

        _levels[i] = need;
        if (stage is ExchangeStage { Exchange.IsOrdered: var isOrdered })
        {
            _lastExchange = need;
            _first = isOrdered ? need : _first;
        }

        foreach (int j in dependences)
        {
            _isClosed[_chains[j]] |= _chains[j] != _chains[i];
        }

        foreach (ValueId input in stage.Inputs)
        {
            Of(_readers, input).Add(i);
        }

        foreach (ValueId output in stage.Outputs)
        {
            Of(_writers, output).Add(i);
        }
    }

    /// <summary>Late stages go to the last section that comes before what reads them, and before a parameter that they read is overwritten.</summary>
    private void Sink()
    {
        for (int i = _stages.Count - 1; i >= 0; i--)
        {
            if (!_stages[i].IsLate)
            {
                continue;
            }

            int latest = int.MaxValue;
            foreach (int reader in _stages[i].Outputs.SelectMany(output => Of(_readers, output)).Where(reader => reader != i))
            {
                latest = Math.Min(latest, _levels[reader] - (_stages[reader].IsWhole ? 1 : 0));
            }

            foreach (int writer in _stages[i].Inputs.Where(IsParameter).SelectMany(input => Of(_writers, input)))
            {
                latest = Math.Min(latest, _levels[writer] - 1);
            }

            _levels[i] = latest == int.MaxValue ? _levels[i] : Math.Max(_levels[i], latest);
        }
    }

    private bool IsParameter(ValueId value) => _graph[_places.Resolve(value).Root].Role == ValueRole.Parameter;

    /// <summary>Earlier stages that must be done: those that wrote what it reads, and those that touched a parameter that it overwrites.</summary>
    private int[] Dependences(Stage stage)
    {
        IEnumerable<int> all = stage.Inputs.SelectMany(input => Of(_writers, input));
        foreach (ValueId output in stage.Outputs)
        {
            if (_graph[_places.Resolve(output).Root].Role == ValueRole.Parameter)
            {
                all = all.Concat(Of(_readers, output)).Concat(Of(_writers, output));
            }
        }

        return [.. all.Distinct()];
    }

    /// <summary>The chain of the stage's inputs that it can join, or -1: rows must be the same, and be read each by itself.</summary>
    private int ChainOf(Stage stage, int[] dependences)
    {
        if (!stage.JoinsRowChain)
        {
            return -1;
        }

        int chain = -1;
        foreach (int j in dependences)
        {
            if (_stages[_chains[j]].WritesRowByRow && _stages[j].CountItems(_graph) == stage.CountItems(_graph))
            {
                chain = Math.Max(chain, _chains[j]);
            }
        }

        foreach (ValueId input in stage.Inputs)
        {
            if (!stage.ReadsItemByItem(input) && Of(_writers, input).Exists(j => _chains[j] == chain))
            {
                return -1;
            }
        }

        return chain;
    }

    private List<int> Of(Dictionary<ValueId, List<int>> stages, ValueId value)
    {
        ValueId root = _places.Resolve(value).Root;
        if (!stages.TryGetValue(root, out List<int>? known))
        {
            stages.Add(root, known = []);
        }

        return known;
    }
}
