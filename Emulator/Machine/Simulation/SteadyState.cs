namespace RduEmu.Emulator.Machine.Simulation;

/// <summary>
/// Finds that the simulation repeats itself and jumps. After each firing of one actor, the anchor, the whole state is written down
/// relative to the present: times from now, firings from the anchor's. If it was so before, p firings and d cycles ago, then the
/// next p firings take d cycles too, and so on until an actor comes to its last firings. So n such periods are n·d cycles, exactly,
/// and what the actors and resources did in them is n times what they did in one. This equals the simulation firing by firing
/// because that is deterministic: the next state is a function of this one.
/// </summary>
internal sealed class SteadyState
{
    /// <summary>With fewer firings there is nothing to win.</summary>
    private const long FewestFirings = 8;

    /// <summary>A state that has not come back after this many is not looked for any longer: periods are products of a few firings.</summary>
    private const int MostSnapshots = 2048;

    private readonly Dictionary<Signature, Snapshot> _seen = [];
    private readonly int _anchor;
    private readonly long _longestLag;
    private long _observed;
    private bool _finished;

    private SteadyState(int anchor, long longestLag)
    {
        _anchor = anchor;
        _longestLag = longestLag;
    }

    public double? Interval { get; private set; }

    public long Period { get; private set; }

    public long SkippedFirings { get; private set; }

    /// <summary>Null if the section is too short.</summary>
    public static SteadyState? For(SimulationState state)
    {
        long most = 0;
        int anchor = -1;
        for (int actor = 0; actor < state.Program.Actors.Count; actor++)
        {
            if (state.Program.Actors[actor].Firings >= Math.Max(most, FewestFirings))
            {
                most = state.Program.Actors[actor].Firings;
                anchor = actor;
            }
        }

        long lag = state.Program.Channels.Count == 0 ? 1 : state.Program.Channels.Max(channel => channel.Lag);
        return anchor < 0 ? null : new SteadyState(anchor, Math.Max(1, lag));
    }

    /// <summary>Called when all events of an instant are done.</summary>
    public void Observe(SimulationState state)
    {
        if (_finished || state.Done[_anchor] == _observed)
        {
            return;
        }

        _observed = state.Done[_anchor];
        var signature = new Signature(Describe(state));
        if (!_seen.TryGetValue(signature, out Snapshot? before))
        {
            if (_seen.Count >= MostSnapshots)
            {
                _finished = true;
                _seen.Clear();
                return;
            }

            _seen.Add(signature, new Snapshot(_observed, state.Now, [.. state.Started], [.. state.Statistics]));
            return;
        }

        Jump(state, before);
        _finished = true;
        _seen.Clear();
    }

    private void Jump(SimulationState state, Snapshot before)
    {
        Period = _observed - before.AnchorDone;
        long cycles = state.Now - before.Now;
        Interval = cycles / (double)Period;
        long periods = long.MaxValue;
        for (int actor = 0; actor < state.Started.Length; actor++)
        {
            if (state.Started[actor] != before.Started[actor])
            {
                // Until here every start finds the conditions of its counterpart one period before: no producer has come to its last firing.
                periods = Math.Min(periods, (state.Program.Actors[actor].Firings - state.Started[actor] - _longestLag) / Period);
            }
        }

        if (periods <= 0)
        {
            return;
        }

        SkippedFirings = periods * Period;
        long shift = periods * cycles;
        for (int actor = 0; actor < state.Started.Length; actor++)
        {
            long moved = periods * (state.Started[actor] - before.Started[actor]);
            if (moved == 0)
            {
                continue;
            }

            state.Started[actor] += moved;
            state.Done[actor] += moved;
            state.Delivered[actor] += moved;
            state.IdleSince[actor] += shift;
            state.LastEnd[actor] += shift;
            if (state.BusyUntil[actor] >= 0)
            {
                state.BusyUntil[actor] += shift;
            }
        }

        for (int i = 0; i < state.FreeAt.Length; i++)
        {
            // A resource that is free stays free: only what is booked beyond the present moves with it.
            if (state.FreeAt[i] > state.Now)
            {
                state.FreeAt[i] += shift;
            }
        }

        for (int i = 0; i < state.Statistics.Length; i++)
        {
            state.Statistics[i] += periods * (state.Statistics[i] - before.Statistics[i]);
        }

        state.Shift(shift);
        _observed = state.Done[_anchor];
    }

    /// <summary>Everything that the future depends on, without absolute time; and how long actors that take part have been idle, for their statistics.</summary>
    private long[] Describe(SimulationState state)
    {
        var signature = new List<long>();
        long anchor = state.Started[_anchor];
        for (int actor = 0; actor < state.Started.Length; actor++)
        {
            long started = state.Started[actor];
            bool moves = started > 0 && started < state.Program.Actors[actor].Firings;
            signature.Add(moves ? started - anchor : started == 0 ? long.MinValue : long.MaxValue);
            signature.Add(started - state.Done[actor]);
            signature.Add(started - state.Delivered[actor]);
            signature.Add(state.BusyUntil[actor] >= 0 ? state.BusyUntil[actor] - state.Now : -1);
            if (moves)
            {
                signature.Add(state.IdleSince[actor] - state.Now);
                signature.Add((long)state.Blocked[actor]);
            }
        }

        foreach (long free in state.FreeAt)
        {
            signature.Add(Math.Max(0, free - state.Now));
        }

        state.AppendEvents(signature);
        return [.. signature];
    }

    private sealed record Snapshot(long AnchorDone, long Now, long[] Started, long[] Statistics);

    private readonly struct Signature : IEquatable<Signature>
    {
        private readonly long[] _words;
        private readonly int _hash;

        public Signature(long[] words)
        {
            _words = words;
            ulong hash = 14695981039346656037;
            foreach (long word in words)
            {
                hash = (hash ^ (ulong)word) * 1099511628211;
            }

            _hash = (int)(hash >> 32);
        }

        public bool Equals(Signature other) => _words.AsSpan().SequenceEqual(other._words);

        public override bool Equals(object? obj) => obj is Signature other && Equals(other);

        public override int GetHashCode() => _hash;
    }
}
