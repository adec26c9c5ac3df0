using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;

namespace RduEmu.Kernels.Devices;

/// <summary>
/// Compiles kernels to PTX on any machine and reads the result: a kernel may call nothing that is not in the module, use no
/// approximate instruction, no float atomic, and no float arithmetic that leaves its rounding, and so a contraction, open.
/// </summary>
public sealed partial class PtxInspector : IDisposable
{
    private readonly Context _context;
    private readonly PTXBackend _backend;

    public PtxInspector()
    {
        _context = Context.Create(builder => builder.DefaultCPU());
        ExactIntrinsics.Register(_context);
        CudaArchitecture architecture = CudaArchitecture.SM_80;
        _backend = new PTXBackend(_context, new CudaCapabilityContext(architecture), architecture, CudaInstructionSet.ISA_80, null);
    }

    /// <summary>The PTX of an implicitly grouped kernel.</summary>
    public string Compile(MethodInfo kernel)
    {
        var compiled = (PTXCompiledKernel)_backend.Compile(EntryPointDescription.FromImplicitlyGroupedKernel(kernel), default);
        return compiled.PTXAssembly;
    }

    /// <summary>Every line of the kernel that breaks the rules, with the rule; empty if it is clean.</summary>
    public IReadOnlyList<string> Violations(MethodInfo kernel)
    {
        var violations = new List<string>();
        foreach (string line in Compile(kernel).Split('\n'))
        {
            string text = line.Trim();
            string? rule =
                text.StartsWith(".extern", StringComparison.Ordinal) ? "external function"
                : Approximate().IsMatch(text) ? "approximate instruction"
                : FloatAtomic().IsMatch(text) ? "float atomic"
                : OpenRounding().IsMatch(text) ? "float arithmetic without .rn"
                : text.Contains(".ftz", StringComparison.Ordinal) ? "subnormals flushed"
                : null;
            if (rule is not null)
            {
                violations.Add($"{rule}: {text}");
            }
        }

        return violations;
    }

    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }

    [GeneratedRegex(@"\.approx|\b(ex2|lg2|sin|cos|tanh)\.")]
    private static partial Regex Approximate();

    [GeneratedRegex(@"\b(atom|red)\..*\.(f16|bf16|f32|f64)\b")]
    private static partial Regex FloatAtomic();

    [GeneratedRegex(@"\b(add|sub|mul|mad|fma|div|sqrt|rcp)\.(?!rn\b)(\w+\.)*f(32|64)\b")]
    private static partial Regex OpenRounding();
}
