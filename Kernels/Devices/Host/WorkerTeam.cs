namespace RduEmu.Kernels.Devices.Host;

/// <summary>What a team does together: every worker calls it once, with its own index.</summary>
public interface ITeamWork
{
    void Run(int worker);
}

/// <summary>
/// A fixed team of threads; the caller is worker 0. Waiting workers spin for some microseconds and then sleep, so a chain of
/// short jobs pays no wake-up. Starting a job allocates nothing.
/// </summary>
public sealed class WorkerTeam : IDisposable
{
    /// <summary>Spins before a worker sleeps: some 50 us, longer than the gap between two sections.</summary>
    private const int SpinLimit = 2000;

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _wake;
    private readonly int[] _asleep;
    private readonly Exception?[] _errors;
    private ITeamWork? _work;
    private volatile int _generation;
    private volatile bool _stopping;
    private int _running;
    private int _barrierArrived;
    private volatile int _barrierGeneration;

    public WorkerTeam(int workers)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        Workers = workers;
        _errors = new Exception?[workers];
        _threads = new Thread[workers - 1];

        // One semaphore for each worker: with a shared one, a worker that has done its part and sleeps again can take the
        // permit of another that has not woken yet, and the job never ends.
        _wake = new SemaphoreSlim[workers];
        _asleep = new int[workers];
        for (int i = 0; i < workers; i++)
        {
            _wake[i] = new SemaphoreSlim(0);
        }

        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _threads[i] = new Thread(() => Loop(worker)) { IsBackground = true, Name = $"rdu-worker-{worker}" };
            _threads[i].Start();
        }
    }

    public int Workers { get; }

    /// <summary>Runs the work on all workers and returns when all are done.</summary>
    /// <exception cref="AggregateException">A worker threw; all others had finished.</exception>
    public void Run(ITeamWork work)
    {
        _work = work;
        Volatile.Write(ref _running, _threads.Length);
        Interlocked.Increment(ref _generation);
        for (int worker = 1; worker < Workers; worker++)
        {
            if (Volatile.Read(ref _asleep[worker]) != 0)
            {
                _wake[worker].Release();
            }
        }

        Step(0);
        SpinWait spin = default;
        while (Volatile.Read(ref _running) != 0)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }

        _work = null;
        ThrowErrors();
    }

    /// <summary>Returns when every worker has called it; only from within a job, and by all workers as often.</summary>
    public void Barrier()
    {
        int generation = _barrierGeneration;
        if (Interlocked.Increment(ref _barrierArrived) == Workers)
        {
            _barrierArrived = 0;
            _barrierGeneration = generation + 1;
            return;
        }

        SpinWait spin = default;
        while (_barrierGeneration == generation)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    public void Dispose()
    {
        _stopping = true;
        Interlocked.Increment(ref _generation);
        for (int worker = 1; worker < Workers; worker++)
        {
            _wake[worker].Release();
        }

        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        foreach (SemaphoreSlim wake in _wake)
        {
            wake.Dispose();
        }
    }

    private void Loop(int worker)
    {
        int seen = 0;
        while (true)
        {
            for (int spins = 0; _generation == seen; spins++)
            {
                if (spins < SpinLimit)
                {
                    Thread.SpinWait(10);
                    continue;
                }

                // The generation is read again after the worker counts as asleep: a job that starts in between either sees it
                // asleep and releases it (a permit too many only makes it look again), or is seen here.
                Interlocked.Exchange(ref _asleep[worker], 1);
                if (_generation == seen)
                {
                    _wake[worker].Wait();
                }

                Interlocked.Exchange(ref _asleep[worker], 0);
            }

            seen = _generation;
            if (_stopping)
            {
                return;
            }

            Step(worker);
            Interlocked.Decrement(ref _running);
        }
    }

    private void Step(int worker)
    {
        try
        {
            _work!.Run(worker);
        }
        catch (Exception error)
        {
            // Kept for the caller: an exception must not end a worker, or the others would wait for ever.
            _errors[worker] = error;
        }
    }

    private void ThrowErrors()
    {
        List<Exception>? thrown = null;
        for (int i = 0; i < _errors.Length; i++)
        {
            if (_errors[i] is { } error)
            {
                (thrown ??= []).Add(error);
                _errors[i] = null;
            }
        }

        if (thrown is not null)
        {
            throw new AggregateException(thrown);
        }
    }
}
