using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace RduEmu.Kernels.Devices.Host;

/// <summary>What this machine can do at most, measured in this process: what every figure is a share of.</summary>
/// <param name="Processor">Its name.</param>
/// <param name="Threads">Threads that were measured together.</param>
/// <param name="PeakGflops">Fused multiply-adds on registers alone, two operations each.</param>
/// <param name="BandwidthGBs">Stream triad a = b + s·c: three arrays far larger than the last cache.</param>
public sealed record MachineCeiling(string Processor, int Threads, double PeakGflops, double BandwidthGBs)
{
    /// <summary>Floats of each of the three arrays: 64 MB, twice the last cache of a server core complex.</summary>
    private const int TriadElements = 16 << 20;

    private const int Repetitions = 8;

    /// <summary>The best of several repetitions: a ceiling is what is possible, not what is usual.</summary>
    public static MachineCeiling Measure(int threads)
    {
        using var team = new WorkerTeam(threads);
        var fma = new FmaWork();
        double peak = 0;
        for (int i = 0; i < Repetitions; i++)
        {
            peak = Math.Max(peak, threads * FmaWork.Operations / Seconds(team, fma) / 1e9);
        }

        using var triad = new TriadWork(threads);
        double bandwidth = 0;
        for (int i = 0; i < Repetitions; i++)
        {
            // Read b and c, write a; the read that a plain store causes is not counted, as in STREAM.
            bandwidth = Math.Max(bandwidth, 3.0 * sizeof(float) * TriadElements / Seconds(team, triad) / 1e9);
        }

        return new MachineCeiling(ProcessorName(), threads, peak, bandwidth);
    }

    /// <summary>The better of both in each figure: a ceiling that was measured while something else ran is too low.</summary>
    public MachineCeiling Or(MachineCeiling other) => this with
    {
        PeakGflops = Math.Max(PeakGflops, other.PeakGflops),
        BandwidthGBs = Math.Max(BandwidthGBs, other.BandwidthGBs),
    };

    private static double Seconds(WorkerTeam team, ITeamWork work)
    {
        long begin = Stopwatch.GetTimestamp();
        team.Run(work);
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    private static string ProcessorName()
    {
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < 0x80000004)
        {
            return RuntimeInformation.ProcessArchitecture.ToString();
        }

        Span<int> words = stackalloc int[12];
        for (int i = 0; i < 3; i++)
        {
            (words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]) = X86Base.CpuId(unchecked((int)0x80000002) + i, 0);
        }

        return Encoding.ASCII.GetString(MemoryMarshal.AsBytes(words)).TrimEnd('\0', ' ');
    }

    private sealed class FmaWork : ITeamWork
    {
        private const int Steps = 4_000_000;

        /// <summary>Twelve chains hide the latency of four or five cycles on two pipes.</summary>
        private const int Chains = 12;

        private static readonly int Lanes = Vector512.IsHardwareAccelerated ? 16 : 8;

        private readonly float[] _sink = new float[1024];

        public static double Operations => 2.0 * Steps * Chains * Lanes;

        public void Run(int worker) => _sink[worker * 64] = Vector512.IsHardwareAccelerated ? Wide() : Narrow();

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Wide()
        {
            Vector512<float> x = Vector512.Create(0.999f), y = Vector512.Create(0.001f);
            Vector512<float> a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
            for (int step = 0; step < Steps; step++)
            {
                a = Vector512.FusedMultiplyAdd(a, x, y);
                b = Vector512.FusedMultiplyAdd(b, x, y);
                c = Vector512.FusedMultiplyAdd(c, x, y);
                d = Vector512.FusedMultiplyAdd(d, x, y);
                e = Vector512.FusedMultiplyAdd(e, x, y);
                f = Vector512.FusedMultiplyAdd(f, x, y);
                g = Vector512.FusedMultiplyAdd(g, x, y);
                h = Vector512.FusedMultiplyAdd(h, x, y);
                i = Vector512.FusedMultiplyAdd(i, x, y);
                j = Vector512.FusedMultiplyAdd(j, x, y);
                k = Vector512.FusedMultiplyAdd(k, x, y);
                l = Vector512.FusedMultiplyAdd(l, x, y);
            }

            return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Narrow()
        {
            Vector256<float> x = Vector256.Create(0.999f), y = Vector256.Create(0.001f);
            Vector256<float> a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
            for (int step = 0; step < Steps; step++)
            {
                a = Vector256.FusedMultiplyAdd(a, x, y);
                b = Vector256.FusedMultiplyAdd(b, x, y);
                c = Vector256.FusedMultiplyAdd(c, x, y);
                d = Vector256.FusedMultiplyAdd(d, x, y);
                e = Vector256.FusedMultiplyAdd(e, x, y);
                f = Vector256.FusedMultiplyAdd(f, x, y);
                g = Vector256.FusedMultiplyAdd(g, x, y);
                h = Vector256.FusedMultiplyAdd(h, x, y);
                i = Vector256.FusedMultiplyAdd(i, x, y);
                j = Vector256.FusedMultiplyAdd(j, x, y);
                k = Vector256.FusedMultiplyAdd(k, x, y);
                l = Vector256.FusedMultiplyAdd(l, x, y);
            }

            return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
        }
    }

    private sealed unsafe class TriadWork : ITeamWork, IDisposable
    {
        private readonly int _threads;
        private readonly float* _arrays;

        public TriadWork(int threads)
        {
            _threads = threads;
            _arrays = (float*)NativeMemory.AlignedAlloc(3 * (nuint)TriadElements * sizeof(float), 64);
            new Span<byte>(_arrays, 3 * TriadElements * sizeof(float)).Clear();
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int worker)
        {
            int begin = (int)((long)TriadElements / 16 * worker / _threads) * 16;
            int end = (int)((long)TriadElements / 16 * (worker + 1) / _threads) * 16;
            float* a = _arrays;
            float* b = a + TriadElements;
            float* c = b + TriadElements;
            Vector512<float> scale = Vector512.Create(3f);
            for (int i = begin; i < end; i += 16)
            {
                Vector512.FusedMultiplyAdd(scale, Vector512.Load(c + i), Vector512.Load(b + i)).Store(a + i);
            }
        }

        public void Dispose() => NativeMemory.AlignedFree(_arrays);
    }
}
