using System.Reflection;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using RduEmu.Kernels.Numerics;

namespace RduEmu.Kernels.Devices;

/// <summary>
/// Turns the operations of <see cref="Exact"/> into one instruction each that names its rounding (CUDA), or into a call that
/// no compiler may contract (OpenCL).
/// </summary>
public static class ExactIntrinsics
{
    private static readonly string[] Operations =
        [nameof(Exact.Add), nameof(Exact.Sub), nameof(Exact.Mul), nameof(Exact.Fma), nameof(Exact.Div), nameof(Exact.Sqrt)];

    /// <summary>To be called once for each context, before any kernel is loaded.</summary>
    public static void Register(Context context)
    {
        IntrinsicImplementationManager manager = context.GetIntrinsicManager();
        foreach (string operation in Operations)
        {
            foreach (Type type in new[] { typeof(float), typeof(double) })
            {
                Type[] parameters = [.. Enumerable.Repeat(type, ParameterCount(operation))];
                string generator = type == typeof(float) ? operation : operation + "64";
                MethodInfo method = typeof(Exact).GetMethod(operation, parameters)!;
                manager.RegisterMethod(method, new PTXIntrinsic(typeof(PtxGenerators), generator, IntrinsicImplementationMode.GenerateCode));
                manager.RegisterMethod(method, new CLIntrinsic(typeof(OpenClGenerators), generator, IntrinsicImplementationMode.GenerateCode));
            }
        }
    }

    private static int ParameterCount(string operation) => operation switch { nameof(Exact.Fma) => 3, nameof(Exact.Sqrt) => 1, _ => 2 };

    private static class PtxGenerators
    {
        public static void Add(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, value, "add.rn.f32");

        public static void Sub(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, value, "sub.rn.f32");

        public static void Mul(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, value, "mul.rn.f32");

        public static void Fma(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, value, "fma.rn.f32");

        public static void Div(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, value, "div.rn.f32");

        public static void Sqrt(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, value, "sqrt.rn.f32");

        public static void Add64(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, value, "add.rn.f64");

        public static void Sub64(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, value, "sub.rn.f64");

        public static void Mul64(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, value, "mul.rn.f64");

        public static void Fma64(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, value, "fma.rn.f64");

        public static void Div64(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, value, "div.rn.f64");

        public static void Sqrt64(PTXBackend backend, PTXCodeGenerator generator, Value value) => Emit(generator, value, "sqrt.rn.f64");

        private static void Emit(PTXCodeGenerator generator, Value value, string instruction)
        {
            // An operand may be a constant, which is no hardware register.
            var operands = new RegisterAllocator<PTXRegisterKind>.PrimitiveRegister[value.Count];
            for (int i = 0; i < operands.Length; i++)
            {
                operands[i] = generator.LoadPrimitive(value[i]);
            }

            var target = generator.AllocateHardware(value);
            using var command = generator.BeginCommand(instruction);
            command.AppendArgument(target);
            foreach (var operand in operands)
            {
                command.AppendArgument(operand);
            }
        }
    }

    private static class OpenClGenerators
    {
        // A contraction would need a product and a sum that are both visible as such: fma() is neither.
        public static void Add(CLBackend backend, CLCodeGenerator generator, Value value) => Emit(generator, value, "fma(", ", 1.0f, ", ")");

        public static void Fma(CLBackend backend, CLCodeGenerator generator, Value value) => Emit(generator, value, "fma(", ", ", ", ", ")");

        public static void Sub(CLBackend backend, CLCodeGenerator generator, Value value) => Emit(generator, value, "fma(", ", 1.0f, -(", "))");

        // a * b - 0 keeps the sign of a zero product under round to nearest.
        public static void Mul(CLBackend backend, CLCodeGenerator generator, Value value) => Emit(generator, value, "fma(", ", ", ", -0.0f)");

        // OpenCL promises 2.5 ulp for a float quotient and 3 for a root, but correct rounding in double; 53 bits being more than
        // twice 24 and 2, rounding once more to float gives the correctly rounded result (Figueroa, "When is double rounding
        // innocuous?", SIGNUM Newsletter 30(3), 1995).
        public static void Div(CLBackend backend, CLCodeGenerator generator, Value value) =>
            Emit(generator, value, "(float)((double)", " / (double)", ")");

        public static void Sqrt(CLBackend backend, CLCodeGenerator generator, Value value) => Emit(generator, value, "(float)sqrt((double)", ")");

        public static void Add64(CLBackend backend, CLCodeGenerator generator, Value value) => Emit(generator, value, "fma(", ", 1.0, ", ")");

        public static void Fma64(CLBackend backend, CLCodeGenerator generator, Value value) => Emit(generator, value, "fma(", ", ", ", ", ")");

        public static void Sub64(CLBackend backend, CLCodeGenerator generator, Value value) => Emit(generator, value, "fma(", ", 1.0, -(", "))");

        public static void Mul64(CLBackend backend, CLCodeGenerator generator, Value value) => Emit(generator, value, "fma(", ", ", ", -0.0)");

        public static void Div64(CLBackend backend, CLCodeGenerator generator, Value value) => Emit(generator, value, "(", ") / (", ")");

        public static void Sqrt64(CLBackend backend, CLCodeGenerator generator, Value value) => Emit(generator, value, "sqrt(", ")");

        private static void Emit(CLCodeGenerator generator, Value value, params ReadOnlySpan<string> around)
        {
            var operands = new ILGPU.Backends.OpenCL.CLVariableAllocator.Variable[value.Count];
            for (int i = 0; i < operands.Length; i++)
            {
                operands[i] = generator.Load(value[i]);
            }

            var target = generator.Allocate(value);
            using var statement = generator.BeginStatement(target);
            for (int i = 0; i < operands.Length; i++)
            {
                statement.AppendCommand(around[i]);
                statement.Append(operands[i]);
            }

            statement.AppendCommand(around[^1]);
        }
    }
}
