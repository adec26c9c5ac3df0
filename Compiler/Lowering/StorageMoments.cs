namespace RduEmu.Compiler.Lowering;

/// <summary>
/// Which places are taken at which moments: a tree over the moments, in which a place stands at the few nodes that together are its
/// life. What overlaps a life is found in time that grows with what overlaps, not with all there is.
/// </summary>
internal sealed class StorageMoments
{
    private readonly List<(long Begin, long End)>?[] _nodes;
    private readonly int[] _moments;
    private readonly int _leaves;

    /// <summary>What is taken all the time: neighbours joined, in ascending order.</summary>
    private readonly List<(long Begin, long End)> _always = [];

    public StorageMoments(IReadOnlyList<StorageRequest> requests)
    {
        _moments = [.. requests.SelectMany(request => new[] { request.First, request.Last }).Distinct().Order()];
        _leaves = 1;
        while (_leaves < _moments.Length)
        {
            _leaves *= 2;
        }

        _nodes = new List<(long Begin, long End)>?[2 * _leaves];
    }

    /// <summary>Adds every place that is taken at a moment of the request's life; some perhaps more than once.</summary>
    public void AddTaken(StorageRequest request, List<(long Begin, long End)> taken)
    {
        taken.AddRange(_always);
        (int first, int last) = Life(request);
        AddInside(1, 0, _leaves - 1, first, last, taken);
    }

    public void Take(StorageRequest request, long begin, long end)
    {
        if (begin == end)
        {
            return;
        }

        (int first, int last) = Life(request);
        if (first == 0 && last == _moments.Length - 1)
        {
            TakeAlways(begin, end);
        }
        else
        {
            Put(1, 0, _leaves - 1, first, last, (begin, end));
        }
    }

    private (int First, int Last) Life(StorageRequest request) => (Array.BinarySearch(_moments, request.First), Array.BinarySearch(_moments, request.Last));

    private void TakeAlways(long begin, long end)
    {
        int at = _always.BinarySearch((begin, end));
        at = at < 0 ? ~at : at;
        if (at > 0 && _always[at - 1].End == begin)
        {
            at--;
            begin = _always[at].Begin;
            _always.RemoveAt(at);
        }

        if (at < _always.Count && _always[at].Begin == end)
        {
            end = _always[at].End;
            _always.RemoveAt(at);
        }

        _always.Insert(at, (begin, end));
    }

    /// <summary>A node's places are alive in all of it: they overlap whatever touches it.</summary>
    private void AddInside(int node, int low, int high, int first, int last, List<(long Begin, long End)> taken)
    {
        if (last < low || high < first)
        {
            return;
        }

        if (_nodes[node] is { } places)
        {
            taken.AddRange(places);
        }

        if (low < high)
        {
            int middle = (low + high) / 2;
            AddInside(2 * node, low, middle, first, last, taken);
            AddInside(2 * node + 1, middle + 1, high, first, last, taken);
        }
    }

    private void Put(int node, int low, int high, int first, int last, (long Begin, long End) place)
    {
        if (last < low || high < first)
        {
            return;
        }

        if (first <= low && high <= last)
        {
            (_nodes[node] ??= []).Add(place);
            return;
        }

        int middle = (low + high) / 2;
        Put(2 * node, low, middle, first, last, place);
        Put(2 * node + 1, middle + 1, high, first, last, place);
    }
}
