using NUnit.Framework;
using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Errors;

namespace RduEmu.Tests.Compiler;

/// <summary>Places by liveness: those of a plain search through everything, and a check that finds an overlap.</summary>
[TestFixture]
public sealed class StorageTests
{
    [Test]
    public void Places_AreTheLowestFreeOnes([Range(0, 19)] int seed)
    {
        var random = new Random(seed);
        StorageRequest[] requests = [.. Enumerable.Range(0, 150).Select(i => Draw(random, i, moments: 1 + seed * 5))];

        (long[] offsets, long length) = Storage.Assign(requests);

        Assert.That(offsets, Is.EqualTo(Plain(requests)).AsCollection);
        Assert.That(length, Is.EqualTo(requests.Select((request, i) => offsets[i] + Aligned(request)).Max()));
    }

    [Test]
    public void AnOverlap_IsFound()
    {
        StorageRequest[] requests = [new("a", 40, 0, 3), new("b", 16, 4, 9), new("c", 20, 2, 5), new("d", 0, 0, 9)];
        Assert.That(() => Storage.Check(requests, [0, 0, 40, 10]), Throws.Nothing);
        RduException error = Assert.Throws<RduException>(() => Storage.Check(requests, [0, 0, 39, 10]))!;
        Assert.That(error.Message, Does.Contain("a").And.Contain("c"));
        Assert.That(() => Storage.Check(requests, [0, 32, 40, 10]), Throws.TypeOf<RduException>(), "b and c from moment 4 on");
    }

    private static StorageRequest Draw(Random random, int i, int moments)
    {
        int first = random.Next(moments);
        return random.Next(5) switch
        {
            0 => new StorageRequest($"kept {i}", random.Next(100), 0, int.MaxValue),
            1 => new StorageRequest($"empty {i}", 0, first, first),
            _ => new StorageRequest($"value {i}", random.Next(1, 200), first, first + random.Next(moments)),
        };
    }

    /// <summary>Each request in turn takes the lowest place that no earlier one alive with it holds.</summary>
    private static long[] Plain(StorageRequest[] requests)
    {
        var offsets = new long[requests.Length];
        for (int i = 0; i < requests.Length; i++)
        {
            long[] candidates = [0, .. Enumerable.Range(0, i).Select(j => offsets[j] + Aligned(requests[j]))];
            offsets[i] = candidates.Order().First(at => Enumerable.Range(0, i).All(j =>
                requests[j].First > requests[i].Last || requests[i].First > requests[j].Last || requests[j].LengthElements == 0 || requests[i].LengthElements == 0
                || at >= offsets[j] + Aligned(requests[j]) || at + Aligned(requests[i]) <= offsets[j]));
        }

        return offsets;
    }

    private static long Aligned(StorageRequest request) => (request.LengthElements + Storage.AlignmentElements - 1) / Storage.AlignmentElements * Storage.AlignmentElements;
}
