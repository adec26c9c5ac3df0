using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Machine.Simulation;

/// <summary>Says who waits on whom when nothing can happen any more.</summary>
internal static class Deadlock
{
    /// <summary>A circle longer than this is cut in the message.</summary>
    private const int Listed = 8;

    /// <summary>The circle of actors that wait for each other, or the chain that ends at one that will never deliver.</summary>
    public static RduException Explain(SimulationState state)
    {
        int actor = Enumerable.Range(0, state.Started.Length).First(i => state.Started[i] < state.Program.Actors[i].Firings);
        var path = new List<int>();
        var reasons = new List<string>();
        while (!path.Contains(actor) && state.Started[actor] < state.Program.Actors[actor].Firings && state.Blocking(actor) is { } channel)
        {
            path.Add(actor);
            Actor waiting = state.Program.Actors[actor];
            bool forRoom = channel.From == actor;
            int other = forRoom ? channel.To : channel.From;
            string what = forRoom
                ? $"room in {channel.Name} (holds {channel.Depth}), which {state.Program.Actors[other].Name} must empty"
                : $"{(channel.Kind == ChannelKind.Completion ? "all" : "the next")} of {channel.Name} from {state.Program.Actors[other].Name}";
            reasons.Add($"{waiting.Name} (after {state.Done[actor]} of {waiting.Firings}) waits for {what}");
            actor = other;
        }

        // What leads to the circle is not part of it.
        int first = Math.Max(0, path.IndexOf(actor));
        string[] circle = [.. reasons.Skip(first)];
        string text = string.Join("; ", circle.Take(Listed)) + (circle.Length > Listed ? $"; and {circle.Length - Listed} more" : string.Empty);
        return new RduException(
            ErrorCatalogue.Deadlock, $"section {state.Program.Name}", "every unit to finish", text, "make one of these buffers deeper");
    }
}
