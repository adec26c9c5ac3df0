using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Parallelism;

/// <summary>One RDU's graph, as it grows: which parts of which values it has.</summary>
internal sealed class SocketBuilder
{
    private readonly Dictionary<ValueId, List<(Region Region, ValueId Local)>> _held = [];
    private readonly List<LocalValue> _inputs = [];
    private readonly List<LocalValue> _parameters = [];
    private readonly List<LocalValue> _outputs = [];

    public GraphBuilder Builder { get; } = new();

    public IReadOnlyList<LocalValue> Parameters => _parameters;

    public void Hold(ValueId value, Region region, ValueId local)
    {
        if (!_held.TryGetValue(value, out List<(Region Region, ValueId Local)>? known))
        {
            _held.Add(value, known = []);
        }

        known.Add((region, local));
    }

    /// <summary>This part of the value, if it is here by itself.</summary>
    public ValueId? Find(ValueId value, Region region)
    {
        foreach ((Region held, ValueId local) in _held.GetValueOrDefault(value, []))
        {
            if (held == region)
            {
                return local;
            }
        }

        return null;
    }

    public ValueId this[ValueId value, Region region] =>
        Find(value, region) ?? throw new InvalidOperationException($"{region} of {value} is not here");

    /// <summary>A part of the value that is here and has all of the region.</summary>
    public (Region Region, ValueId Local)? Containing(ValueId value, Region region)
    {
        foreach ((Region held, ValueId local) in _held.GetValueOrDefault(value, []))
        {
            if (held.Contains(region))
            {
                return (held, local);
            }
        }

        return null;
    }

    public void AddInput(Value value, Region region)
    {
        ValueId local = Builder.Input(NameOf(value, region), region.TypeIn(value.Type));
        _inputs.Add(new LocalValue(value.Id, region, local));
        Hold(value.Id, region, local);
    }

    public void AddParameter(Value value, Region region)
    {
        ValueId local = Builder.Parameter(NameOf(value, region), region.TypeIn(value.Type));
        _parameters.Add(new LocalValue(value.Id, region, local));
        Hold(value.Id, region, local);
    }

    public void AddOutput(ValueId value, Region region) => _outputs.Add(new LocalValue(value, region, this[value, region]));

    public SocketGraph Build() => new(Builder.Build([.. _outputs.Select(output => output.Local)]), [.. _inputs], [.. _parameters], [.. _outputs]);

    private static string NameOf(Value value, Region region) => region.IsAllOf(value.Type) ? value.Name : $"{value.Name}[{region}]";
}
