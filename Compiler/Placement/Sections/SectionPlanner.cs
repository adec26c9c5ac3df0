using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Placement.Machine;
using static RduEmu.Compiler.Placement.Sections.PlannerModel;

namespace RduEmu.Compiler.Placement.Sections;

/// <summary>
/// Consecutive stage groups to one section: iterations, streams with their buffers, and the smallest time for which the PCUs that all
/// stages need together are there. A stage gets no more units than that time asks for, so no stage starves another.
/// </summary>
internal sealed class SectionPlanner
{
    private readonly MachineGraph _graph;
    private readonly RduResources _chip;
    private readonly int[] _producers;
    private readonly int[] _lastReaders;
    private readonly bool[] _isKept;
    private readonly int _pcuBudget;
    private readonly int _pmuBudget;
    private readonly int _elementBytes;

    public SectionPlanner(MachineGraph graph, IReadOnlyList<GroupFacts> groups, RduResources chip, PlacementOptions options)
    {
        _graph = graph;
        _chip = chip;
        Groups = groups;
        _elementBytes = options.ElementBytes;
        _pcuBudget = Math.Max(1, chip.Tiles * chip.PcusPerTile * options.ResourcePercent / 100);
        _pmuBudget = Math.Max(1, chip.Tiles * chip.PmusPerTile * options.ResourcePercent / 100);
        _producers = new int[graph.Tensors.Count];
        _lastReaders = new int[graph.Tensors.Count];
        _isKept = new bool[graph.Tensors.Count];
        Array.Fill(_producers, -1);
        Array.Fill(_lastReaders, -1);
        for (int i = 0; i < groups.Count; i++)
        {
            foreach (int output in groups[i].Outputs)
            {
                _producers[output] = i;
            }

            foreach (MachineInput input in groups[i].Inputs)
            {
                _lastReaders[input.Tensor] = i;
            }
        }

        foreach (int output in graph.Outputs)
        {
            _isKept[output] = true;
        }
    }

    public IReadOnlyList<GroupFacts> Groups { get; }

    /// <summary>The group that computes a tensor, or -1.</summary>
    public int ProducerOf(int tensor) => _producers[tensor];

    /// <summary>The last group that reads a tensor, or -1.</summary>
    public int LastReaderOf(int tensor) => _lastReaders[tensor];

    /// <summary>True if nothing inside the graph reads it, or the graph returns it: it must reach the memory.</summary>
    public bool IsKept(int tensor) => _isKept[tensor] || _lastReaders[tensor] < 0;

    /// <summary>The best section of the groups from <paramref name="begin"/> up to <paramref name="end"/>, or null and why there is none.</summary>
    public MachineSection? Plan(int begin, int end, out string reason)
    {
        MachineSection? best = null;
        reason = string.Empty;
        foreach (int iterations in IterationChoices(begin, end))
        {
            MachineSection? plan = new SectionDraft(this, begin, end, iterations).Build(out string refused);
            if (plan is null)
            {
                reason = refused;
            }
            else if (best is null || plan.EstimatedCycles < best.EstimatedCycles)
            {
                best = plan;
            }
        }

        return best;
    }

    /// <summary>Iterations worth trying: pieces of 64 rows and more, whole samples last.</summary>
    private IEnumerable<int> IterationChoices(int begin, int end)
    {
        if (Groups[begin].Phase == Phase.Optimizer)
        {
            const int PieceBytes = 1 << 18;
            long most = 0;
            for (int i = begin; i < end; i++)
            {
                most = Math.Max(most, Groups[i].Inputs.Where(input => input.Access == OperandAccess.Rows).Select(input => input.Bytes).DefaultIfEmpty().Max());
            }

            yield return (int)Math.Clamp(CeilDiv(most, PieceBytes), 1, 1 << 16);
            yield break;
        }

        int previous = 0;
        foreach (int rows in new[] { 64, 256, 1024 })
        {
            int iterations = _graph.RowsPerSample >= rows
                ? checked(_graph.Samples * (int)CeilDiv(_graph.RowsPerSample, rows))
                : (int)CeilDiv(_graph.Samples, Math.Max(1, rows / _graph.RowsPerSample));
            if (iterations != previous)
            {
                yield return previous = iterations;
            }
        }
    }

    /// <summary>One try at a section.</summary>
    private sealed class SectionDraft
    {
        private readonly SectionPlanner _planner;
        private readonly int _begin;
        private readonly int _end;
        private readonly int _iterations;
        private readonly int _sampleIterations;
        private readonly int[] _starts;
        private readonly long[] _weightBytes;
        private readonly List<(int Tensor, int Producer, int Consumer, long Bytes, int Lag)> _streams = [];
        private readonly List<(int Tensor, List<int> Stages, DramDirection Direction, DramTiming Timing, long Bytes, long Request, int Lag)> _transfers = [];
        private readonly Dictionary<int, int> _loads = [];
        private long _lastBytes;
        private long _iterationBytes;

        public SectionDraft(SectionPlanner planner, int begin, int end, int iterations)
        {
            _planner = planner;
            _begin = begin;
            _end = end;
            _iterations = iterations;
            _sampleIterations = Math.Max(1, iterations / planner._graph.Samples);
            _starts = new int[end - begin];
            _weightBytes = new long[end - begin];
        }

        private int Count => _end - _begin;

        private RduResources Chip => _planner._chip;

        public MachineSection? Build(out string reason)
        {
            if (!Connect(out reason))
            {
                return null;
            }

            var copies = new int[Count];
            long cycles = Balance(copies);
            if (cycles < 0)
            {
                reason = $"its stages need more than {_planner._pcuBudget} PCUs";
                return null;
            }

            // Weights that one row passes must all be read in its time, and are spread over more PMUs than they fill. Where these are too
            // many, a slower beat needs fewer.
            MachineSection section = Section(cycles, copies);
            for (int pmus = int.MaxValue; section.Pmus > _planner._pmuBudget && section.Pmus < pmus;)
            {
                pmus = section.Pmus;
                cycles += (cycles / 4) + 1;
                section = Section(cycles, copies);
            }

            if (section.Pmus > _planner._pmuBudget)
            {
                reason = $"its buffers, weights and sums need {section.Pmus} of {_planner._pmuBudget} PMUs";
                return null;
            }

            return section;
        }

        private bool Connect(out string reason)
        {
            reason = string.Empty;
            for (int stage = 0; stage < Count; stage++)
            {
                GroupFacts group = _planner.Groups[_begin + stage];
                if (Count > 1 && (group.Group.Parts > 1 || group.Phase != _planner.Groups[_begin].Phase))
                {
                    reason = $"{group.Name} has a section of its own phase, and by itself where it is a part";
                    return false;
                }

                foreach (MachineInput input in group.Inputs)
                {
                    int producer = _planner.ProducerOf(input.Tensor) - _begin;
                    if (producer < 0 || producer >= Count)
                    {
                        Load(stage, input);
                    }
                    else if (input.Access is OperandAccess.Whole or OperandAccess.Indexed || _planner.Groups[_begin + producer].Work.AccumulatesSamples)
                    {
                        reason = $"{group.Name} needs all of {_planner._graph.Tensors[input.Tensor].Name} before it begins";
                        return false;
                    }
                    else
                    {
                        bool waits = input.Access == OperandAccess.Sample || _planner.Groups[_begin + producer].Work.AccumulatesRows;
                        int lag = waits ? _sampleIterations : 1;
                        _streams.Add((input.Tensor, producer, stage, CeilDiv(input.Bytes, _iterations), lag));
                        _starts[stage] = Math.Max(_starts[stage], _starts[producer] + lag);
                    }
                }

                Store(stage, group);
            }

            return true;
        }

        private void Load(int stage, MachineInput input)
        {
            int key = input.Tensor;
            bool once = input.Access == OperandAccess.Whole;
            if (once)
            {
                _weightBytes[stage] += input.Bytes;
            }

            if (_loads.TryGetValue(key, out int known) && _transfers[known].Timing == (once ? DramTiming.BeforeFirst : DramTiming.PerIteration)
                && _transfers[known].Lag == LagOf(input))
            {
                _transfers[known].Stages.Add(stage);
                return;
            }

            long bytes = once ? input.Bytes : CeilDiv(input.Bytes, _iterations);
            _loads[key] = _transfers.Count;
            _transfers.Add((key, [stage], DramDirection.Load, once ? DramTiming.BeforeFirst : DramTiming.PerIteration, bytes, Math.Min(bytes, input.RequestBytes), LagOf(input)));
            _iterationBytes += once ? 0 : bytes;
            _starts[stage] = Math.Max(_starts[stage], LagOf(input) - 1);
        }

        private int LagOf(MachineInput input) => input.Access == OperandAccess.Sample ? _sampleIterations : 1;

        private void Store(int stage, GroupFacts group)
        {
            foreach (int output in group.Outputs)
            {
                if (_planner.IsKept(output) || _planner.LastReaderOf(output) >= _end || group.Group.Parts > 1)
                {
                    bool once = group.Work.AccumulatesSamples;
                    long all = group.OutputBytes / group.Outputs.Count;
                    long bytes = once ? all : CeilDiv(all, _iterations);
                    long request = group.Work.IndexedRowBytes > 0 ? group.Work.IndexedRowBytes : bytes;
                    _transfers.Add((output, [stage], DramDirection.Store, once ? DramTiming.AfterLast : DramTiming.PerIteration, bytes, Math.Min(bytes, request), 1));
                    _lastBytes += once ? bytes : 0;
                    _iterationBytes += once ? 0 : bytes;
                }
            }
        }

        /// <summary>The smallest time of an iteration for which the PCUs suffice; not less than what the memory needs.</summary>
        private long Balance(int[] copies)
        {
            long low = Math.Max(1, DramCycles(Chip, _iterationBytes));
            long high = low;
            for (int stage = 0; stage < Count; stage++)
            {
                low = Math.Max(low, CyclesWith(stage, int.MaxValue));
                high = Math.Max(high, CyclesWith(stage, 1));
            }

            if (Allocate(high, copies) > _planner._pcuBudget)
            {
                return -1;
            }

            while (low < high)
            {
                long middle = low + (high - low) / 2;
                if (Allocate(middle, copies) <= _planner._pcuBudget)
                {
                    high = middle;
                }
                else
                {
                    low = middle + 1;
                }
            }

            return high;
        }

        private long Allocate(long cycles, int[] copies)
        {
            long pcus = 0;
            for (int stage = 0; stage < Count; stage++)
            {
                copies[stage] = CopiesFor(stage, cycles);
                pcus += (long)copies[stage] * SeriesOf(stage);
            }

            return pcus;
        }

        private int SeriesOf(int stage)
        {
            GroupFacts group = _planner.Groups[_begin + stage];
            int stages = group.Work.Template is TemplateKind.Systolic or TemplateKind.Gather ? 1 : group.ProgramStages;
            return Math.Max(1, (int)CeilDiv(stages, Chip.PipelineStages));
        }

        /// <summary>The forms that a stage's work can take, as pieces that copies share and the cycles of one; of most stages both are the same.</summary>
        private ((long Pieces, long Cycles) First, (long Pieces, long Cycles) Second) WorkOf(int stage)
        {
            GroupFacts group = _planner.Groups[_begin + stage];
            if (GemmOf(group) is { } gemm)
            {
                return ProductWork(Chip, gemm);
            }

            (long Pieces, long Cycles) vectors = (Math.Max(1, CeilDiv(CeilDiv(group.Elements, _iterations), Chip.Lanes)), 1);
            return (vectors, vectors);
        }

        private long CyclesWith(int stage, int copies)
        {
            if (_planner.Groups[_begin + stage].Work.Template is TemplateKind.Layout or TemplateKind.Collective)
            {
                return 1;
            }

            long Of((long Pieces, long Cycles) work) => CeilDiv(work.Pieces, Math.Clamp(copies, 1, Math.Max(1, work.Pieces))) * work.Cycles;
            ((long, long) first, (long, long) second) = WorkOf(stage);
            return Math.Min(Of(first), Of(second)) + IterationCycles;
        }

        private int CopiesFor(int stage, long cycles)
        {
            if (_planner.Groups[_begin + stage].Work.Template == TemplateKind.Layout)
            {
                return 0;
            }

            if (_planner.Groups[_begin + stage].Work.Template == TemplateKind.Collective)
            {
                return 1;
            }

            // A form whose single piece takes longer does not do it with any number of copies.
            long Of((long Pieces, long Cycles) work) => work.Cycles > cycles - IterationCycles
                ? long.MaxValue
                : CeilDiv(Math.Max(1, work.Pieces), (cycles - IterationCycles) / work.Cycles);
            ((long Pieces, long Cycles) first, (long Pieces, long Cycles) second) = WorkOf(stage);
            long copies = Math.Min(Of(first), Of(second));
            return (int)Math.Min(copies == long.MaxValue ? Math.Max(first.Pieces, second.Pieces) : copies, int.MaxValue / 64);
        }

        /// <summary>
        /// The products of one iteration: a sum over the samples is cut along what it sums, everything else by samples first, then by rows.
        /// </summary>
        private GemmShape? GemmOf(GroupFacts group)
        {
            if (group.Gemm is not { } gemm)
            {
                return null;
            }

            if (group.Work.AccumulatesSamples)
            {
                return gemm with { K = Math.Max(1, CeilDiv(gemm.K, _iterations)) };
            }

            if (gemm.Batch == 1)
            {
                return gemm with { M = CeilDiv(gemm.M, _iterations) };
            }

            long samplesAtOnce = CeilDiv(_planner._graph.Samples, _iterations);
            long batch = CeilDiv(gemm.Batch * samplesAtOnce, _planner._graph.Samples);
            return group.Work.AccumulatesRows
                ? gemm with { Batch = batch, K = CeilDiv(gemm.K, _sampleIterations) }
                : gemm with { Batch = batch, M = CeilDiv(gemm.M, _sampleIterations) };
        }

        private int PmusFor(long bytes, long bytesPerIteration, long cycles) => bytes == 0
            ? 0
            : (int)Math.Max(CeilDiv(bytes, Chip.PmuBytes), CeilDiv(bytesPerIteration, Chip.VectorLinkBytesPerCycle * cycles));

        /// <summary>The section whose iterations follow each other in so many cycles.</summary>
        private MachineSection Section(long cycles, int[] copies)
        {
            Allocate(cycles, copies);
            var stageCycles = new long[Count];
            var stages = new StagePlan[Count];
            for (int i = 0; i < Count; i++)
            {
                GroupFacts group = _planner.Groups[_begin + i];
                stageCycles[i] = CyclesWith(i, Math.Max(1, copies[i]));
                long accumulator = group.AccumulatorBytes(_planner._graph.Samples, _iterations, _planner._elementBytes);
                stages[i] = new StagePlan(
                    i,
                    group.Name,
                    group.Work.Template,
                    group.Group.Operators,
                    GemmOf(group),
                    CeilDiv(group.Elements, _iterations),
                    group.ProgramStages,
                    CeilDiv(group.Operations, _iterations),
                    copies[i],
                    copies[i] == 0 ? 0 : SeriesOf(i),
                    _weightBytes[i],
                    PmusFor(_weightBytes[i], _weightBytes[i], cycles),
                    accumulator,
                    PmusFor(accumulator, 0, cycles),
                    _starts[i],
                    stageCycles[i],
                    group.Work.Sockets,
                    group.Work.Template == TemplateKind.Collective ? CeilDiv(group.OutputBytes, _iterations) : 0)
                {
                    Part = group.Group.Part,
                    Parts = group.Group.Parts,
                };
            }

            // A section that is a whole prediction stays on the chip: the pieces of the next batch follow those of this one.
            bool stays = Count == _planner.Groups.Count && _planner.Groups[_begin].Phase == Phase.Forward;
            int pieces = stays ? 1 << 16 : _iterations;
            var streams = new StreamPlan[_streams.Count];
            for (int i = 0; i < streams.Length; i++)
            {
                (int tensor, int producer, int consumer, long bytes, int lag) = _streams[i];
                int distance = _starts[consumer] - _starts[producer];
                int depth = Math.Min(distance + lag, Math.Max(2, pieces + lag - 1));
                streams[i] = new StreamPlan(i, tensor, producer, consumer, bytes, lag, depth, distance > lag, PmusFor(bytes * depth, bytes, cycles));
            }

            var transfers = new DramTransfer[_transfers.Count];
            for (int i = 0; i < transfers.Length; i++)
            {
                (int tensor, List<int> users, DramDirection direction, DramTiming timing, long bytes, long request, int lag) = _transfers[i];
                int spread = users.Max(user => _starts[user]) - users.Min(user => _starts[user]);
                int depth = timing == DramTiming.PerIteration ? Math.Min(spread + 2 * lag, Math.Max(2, pieces + lag - 1)) : 1;
                bool isWeight = _planner._graph.Tensors[tensor].Role == ValueRole.Parameter || timing != DramTiming.PerIteration;
                transfers[i] = new DramTransfer(
                    i, tensor, EquatableArray.Create<int>([.. users]), direction, timing, isWeight, bytes, request, lag, depth,
                    timing == DramTiming.PerIteration ? PmusFor(bytes * depth, bytes, cycles) : 0);
            }

            // One pipeline: the first piece passes all stages, then the slowest beats time.
            long estimate = Chip.SectionSwitchCycles + FirstPiece(cycles, stageCycles) + (_iterations - 1) * cycles + DramCycles(Chip, _lastBytes);
            int[] operators = [.. Enumerable.Range(_begin, Count).SelectMany(i => _planner.Groups[i].Group.Operators).Order()];
            string first = _planner.Groups[_begin].Name;
            return new MachineSection(
                0, Count == 1 ? first : $"{first} .. {_planner.Groups[_end - 1].Name}", _planner.Groups[_begin].Phase, EquatableArray.Create<int>(operators), _iterations,
                EquatableArray.Create<StagePlan>(stages), EquatableArray.Create<StreamPlan>(streams), EquatableArray.Create<DramTransfer>(transfers), estimate);
        }

        /// <summary>
        /// When the first piece has passed all stages: each waits for its weights, which come in the order of stages, and for its inputs;
        /// where it needs a whole sample, for all pieces of that.
        /// </summary>
        private long FirstPiece(long cycles, long[] stageCycles)
        {
            var ready = new long[Count];
            long loaded = 0;
            foreach ((int _, List<int> users, DramDirection direction, DramTiming timing, long bytes, long _, int lag) in _transfers)
            {
                if (direction == DramDirection.Load)
                {
                    loaded += timing == DramTiming.BeforeFirst ? bytes : 0;
                    long at = timing == DramTiming.BeforeFirst ? DramCycles(Chip, loaded) : (lag - 1) * cycles;
                    foreach (int user in users)
                    {
                        ready[user] = Math.Max(ready[user], at);
                    }
                }
            }

            // Streams are in the order of their consumers, so producers are done before.
            int next = 0;
            long end = 0;
            for (int stage = 0; stage < Count; stage++)
            {
                for (; next < _streams.Count && _streams[next].Consumer == stage; next++)
                {
                    ready[stage] = Math.Max(ready[stage], ready[_streams[next].Producer] + (_streams[next].Lag - 1) * cycles);
                }

                ready[stage] += stageCycles[stage];
                end = Math.Max(end, ready[stage]);
            }

            return end;
        }
    }
}
