using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Errors;
using RduEmu.Kernels.Templates.Probe;

namespace RduEmu.Emulator.Checks;

/// <summary>
/// A digest of every value that a stage writes, step by step. It is a sum of the elements' hashes with their positions, so it does
/// not depend on how a value is cut into tiles, nor on who computes them.
/// </summary>
public sealed class StageRecorder
{
    private readonly List<RecordedStage> _stages = [];
    private Injection? _injection;
    private RecordedStage? _target;

    /// <summary>In the order in which a step computes them.</summary>
    public IReadOnlyList<RecordedStage> Stages => _stages;

    private long Step { get; set; }

    /// <summary>For <see cref="Execution.ExecutionTarget.Probe"/>.</summary>
    public IProbe Add(ProbePoint point)
    {
        var stage = new RecordedStage(this, point);
        _stages.Add(stage);
        return stage;
    }

    /// <summary>Flips a bit in its step; all programs must have been compiled.</summary>
    /// <param name="injection">Where.</param>
    /// <param name="graphs">The graphs whose stage is meant, or null for the first with a stage of that name.</param>
    /// <exception cref="RduException">RDU0202: there is no such stage. RDU0201: it writes no such element.</exception>
    public void Inject(Injection injection, IReadOnlyList<Graph>? graphs = null)
    {
        RecordedStage? target = _stages.Find(stage => (graphs is null || graphs.Any(graph => ReferenceEquals(stage.Point.Graph, graph))) && stage.Point.Section == injection.Section && stage.Point.Stage == injection.Stage)
            ?? throw new RduException(
                ErrorCatalogue.NameUnknown, "--inject", "a section and a stage of the model", $"{injection.Section}:{injection.Stage}",
                $"choose one, as {_stages[0].Point.Section}:{_stages[0].Point.Stage}");
        if (!target.Writes(injection.Element))
        {
            throw new RduException(
                ErrorCatalogue.OptionInvalid, "--inject", $"an element that {injection.Stage} writes, of {target.CountElements}", $"{injection.Element}", "choose a smaller one");
        }

        _injection = injection;
        _target = target;
    }

    /// <summary>Forgets the last step's digests.</summary>
    public void Begin(long step)
    {
        Step = step;
        foreach (RecordedStage stage in _stages)
        {
            stage.Clear();
        }
    }

    /// <summary>One value of one stage.</summary>
    public sealed class RecordedStage(StageRecorder recorder, ProbePoint point) : IProbe
    {
        private long _sum;
        private int[]? _kept;

        public ProbePoint Point { get; } = point;

        /// <summary>Of what it wrote in this step.</summary>
        public long Digest => Interlocked.Read(ref _sum);

        /// <summary>Words of the whole value.</summary>
        public long CountElements => (long)Point.Rows * Point.AllColumns;

        /// <summary>What it wrote last, if <see cref="Keep"/> was called: all words, row-major.</summary>
        public IReadOnlyList<int> Kept => _kept ?? throw new InvalidOperationException("nothing was kept");

        public void Keep() => _kept = new int[CountElements];

        /// <summary>As <see cref="Keep"/>, but leaves what was kept already.</summary>
        public void KeepOnce() => _kept ??= new int[CountElements];

        public void Clear() => Interlocked.Exchange(ref _sum, 0);

        public bool Writes(long element)
        {
            long column = element % Math.Max(1, Point.AllColumns) - Point.FirstColumn;
            return element < CountElements && column >= 0 && column < Point.Columns;
        }

        public void Observe(long row, Span<int> words)
        {
            long first = row * Point.AllColumns + Point.FirstColumn;
            if (recorder._target == this && recorder._injection!.Step == recorder.Step)
            {
                long at = recorder._injection.Element - first;
                if (at >= 0 && at < words.Length)
                {
                    words[(int)at] ^= 1 << recorder._injection.Bit;
                }
            }

            ulong sum = 0;
            for (int i = 0; i < words.Length; i++)
            {
                int word = BitsOf.Canonical(Point.Value.Type.Element, words[i]);
                sum += Mix((ulong)(first + i) * 0x9E3779B97F4A7C15 ^ (uint)word);
            }

            Interlocked.Add(ref _sum, (long)sum);
            if (_kept is not null)
            {
                words.CopyTo(_kept.AsSpan((int)first));
            }
        }

        /// <summary>The finaliser of MurmurHash3 (public domain): every bit of the word changes every bit of the result.</summary>
        private static ulong Mix(ulong word)
        {
            word = (word ^ (word >> 33)) * 0xFF51AFD7ED558CCD;
            word = (word ^ (word >> 33)) * 0xC4CEB9FE1A85EC53;
            return word ^ (word >> 33);
        }
    }
}
