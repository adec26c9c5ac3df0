using RduEmu.Kernels.Errors;

namespace RduEmu.Compiler.Lowering;

/// <summary>A piece of memory that is needed from one moment to another, both included.</summary>
/// <param name="Name">For people.</param>
/// <param name="LengthElements">32-bit words.</param>
public sealed record StorageRequest(string Name, long LengthElements, int First, int Last);

/// <summary>
/// Offsets by liveness: each request in turn takes the lowest place that no request alive at the same time holds. Offsets are
/// multiples of 16 words, one cache line.
/// </summary>
public static class Storage
{
    public const int AlignmentElements = 16;

    /// <returns>An offset for each request, and the words needed in all.</returns>
    public static (long[] Offsets, long LengthElements) Assign(IReadOnlyList<StorageRequest> requests)
    {
        var offsets = new long[requests.Count];
        long length = 0;
        var moments = new StorageMoments(requests);
        var taken = new List<(long Begin, long End)>();
        for (int i = 0; i < requests.Count; i++)
        {
            StorageRequest request = requests[i];
            long needed = Aligned(request.LengthElements);
            taken.Clear();
            moments.AddTaken(request, taken);
            taken.Sort();
            long at = 0;
            foreach ((long begin, long end) in taken)
            {
                if (at + needed <= begin)
                {
                    break;
                }

                at = Math.Max(at, end);
            }

            offsets[i] = at;
            length = Math.Max(length, at + needed);
            moments.Take(request, at, at + needed);
        }

        Check(requests, offsets);
        return (offsets, length);
    }

    /// <summary>
    /// The specification: no two requests that are alive together overlap. One after the other in the order in which they begin to live,
    /// each against its neighbours among those that still do.
    /// </summary>
    /// <exception cref="RduException">RDU0401.</exception>
    public static void Check(IReadOnlyList<StorageRequest> requests, IReadOnlyList<long> offsets)
    {
        int[] byFirst = [.. Enumerable.Range(0, requests.Count).Where(i => requests[i].LengthElements > 0).OrderBy(i => requests[i].First)];
        var ending = new PriorityQueue<int, int>();
        var alive = new SortedSet<(long Begin, long End, int Request)>();
        foreach (int i in byFirst)
        {
            while (ending.TryPeek(out int done, out int last) && last < requests[i].First)
            {
                ending.Dequeue();
                alive.Remove((offsets[done], offsets[done] + requests[done].LengthElements, done));
            }

            (long Begin, long End, int Request) own = (offsets[i], offsets[i] + requests[i].LengthElements, i);
            foreach ((long begin, long end, int other) in alive.GetViewBetween((long.MinValue, 0, 0), (own.End - 1, long.MaxValue, int.MaxValue)).Reverse().Take(1))
            {
                if (end > own.Begin)
                {
                    throw new RduException(
                        ErrorCatalogue.GraphIllegal, "the storage plan", "no overlap of what is alive together",
                        $"{requests[i].Name} and {requests[other].Name}", "report this as a fault of the compiler");
                }
            }

            alive.Add(own);
            ending.Enqueue(i, requests[i].Last);
        }
    }

    private static long Aligned(long elements) => (elements + AlignmentElements - 1) / AlignmentElements * AlignmentElements;
}
