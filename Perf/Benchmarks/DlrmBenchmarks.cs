using BenchmarkDotNet.Attributes;
using RduEmu.Compiler.Lowering;
using RduEmu.Emulator.Execution;
using RduEmu.Perf.Workloads;

namespace RduEmu.Perf.Benchmarks;

/// <summary>A whole DLRM Kaggle with tables of at most 100,000 rows, on two threads.</summary>
public class Dlrm : IMeasuredWork, IDisposable
{
    private const int Threads = 2;

    private HostExecutor? _executor;

    [ParamsSource(nameof(AllCases))]
    public DlrmCase Case { get; set; } = null!;

    public static IEnumerable<DlrmCase> AllCases => [new(1, false), new(128, false), new(2048, false), new(2048, true)];

    public Work Work
    {
        get
        {
            DlrmWorkload workload = Create(Case);
            CompiledProgram program = GraphCompiler.Compile(workload.Model.Graph, new CompileOptions(Workers: Threads));
            return new Work(GraphWorkload.Operations(program), 0, Threads);
        }
    }

    [GlobalSetup]
    public void Setup() => _executor = Create(Case).OnHost(Threads);

    [GlobalCleanup]
    public void Dispose()
    {
        _executor?.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public void Run() => _executor!.Run();

    private static DlrmWorkload Create(DlrmCase of) => of.Training
        ? DlrmWorkload.Training(DlrmWorkload.Kaggle, of.Batch)
        : DlrmWorkload.Inference(DlrmWorkload.Kaggle, of.Batch);
}

/// <summary>What of the model is run.</summary>
public sealed record DlrmCase(int Batch, bool Training)
{
    public override string ToString() => $"{(Training ? "training" : "inference")} {Batch}";
}
