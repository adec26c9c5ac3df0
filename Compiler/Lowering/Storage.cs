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
        var taken = new List<(long Begin, long End)>();
        for (int i = 0; i < requests.Count; i++)
        {
            StorageRequest request = requests[i];
            taken.Clear();
            for (int other = 0; other < i; other++)
            {
                if (requests[other].First <= request.Last && request.First <= requests[other].Last)
                {
                    taken.Add((offsets[other], offsets[other] + Aligned(requests[other].LengthElements)));
                }
            }

            taken.Sort();
            long at = 0;
            foreach ((long begin, long end) in taken)
            {
                if (at + Aligned(request.LengthElements) <= begin)
                {
                    break;
                }

                at = Math.Max(at, end);
            }

            offsets[i] = at;
            length = Math.Max(length, at + Aligned(request.LengthElements));
        }

        Check(requests, offsets);
        return (offsets, length);
    }

    /// <summary>The specification: no two requests that are alive together overlap.</summary>
    /// <exception cref="RduException">RDU0401.</exception>
    public static void Check(IReadOnlyList<StorageRequest> requests, IReadOnlyList<long> offsets)
    {
        for (int i = 0; i < requests.Count; i++)
        {
            for (int j = 0; j < i; j++)
            {
                bool together = requests[i].First <= requests[j].Last && requests[j].First <= requests[i].Last;
                bool overlap = offsets[i] < offsets[j] + requests[j].LengthElements && offsets[j] < offsets[i] + requests[i].LengthElements;
                if (together && overlap)
                {
                    throw new RduException(
                        ErrorCatalogue.GraphIllegal, "the storage plan", "no overlap of what is alive together",
                        $"{requests[i].Name} and {requests[j].Name}", "report this as a fault of the compiler");
                }
            }
        }
    }

    private static long Aligned(long elements) => (elements + AlignmentElements - 1) / AlignmentElements * AlignmentElements;
}
