using RduEmu.Compiler.Graphs;
using RduEmu.Emulator.Fabric;

namespace RduEmu.Emulator.Training;

/// <summary>
/// Sums over RDUs as other systems make them: each RDU adds its share to what is there when it comes. The order is that of the
/// threads, so the bits are not those of another run. It exists to be measured against RDU order, and for nothing else.
/// </summary>
public sealed class ArrivalSums
{
    private readonly Dictionary<ValueId, float[]> _sums = [];

    /// <summary>Adds shares and gets the sums, together with all other RDUs.</summary>
    /// <param name="values">Of which there are sums, the same for all.</param>
    /// <param name="share">An RDU's own share of one.</param>
    /// <param name="take">Takes the sum of all shares.</param>
    /// <param name="fabric">For its barrier.</param>
    public void Sum(IReadOnlyList<ValueId> values, Func<ValueId, float[]> share, Action<ValueId, float[]> take, IFabric fabric)
    {
        foreach (ValueId value in values)
        {
            float[] own = share(value);
            float[] sum = Of(value, own.Length);
            lock (sum)
            {
                for (int i = 0; i < own.Length; i++)
                {
                    sum[i] += own[i];
                }
            }
        }

        fabric.Barrier();
        foreach (ValueId value in values)
        {
            take(value, _sums[value]);
        }

        fabric.Barrier();
        if (fabric.Socket == 0)
        {
            foreach (ValueId value in values)
            {
                _sums[value].AsSpan().Clear();
            }
        }

        fabric.Barrier();
    }

    private float[] Of(ValueId value, int length)
    {
        lock (_sums)
        {
            if (!_sums.TryGetValue(value, out float[]? sum))
            {
                sum = new float[length];
                _sums.Add(value, sum);
            }

            return sum;
        }
    }
}
