using System.CommandLine;
using RduEmu.Compiler.Onnx;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu operators</c>: the ONNX operators that models may have, as the page docs/operators.md.</summary>
internal static class OperatorsCommand
{
    public static Command Create()
    {
        Command command = new("operators", "the ONNX operators that models may have: opsets, types, gradients");
        command.SetAction(_ =>
        {
            Console.Out.Write(OperatorPage.Write());
            return (int)ExitCode.Done;
        });
        return command;
    }
}
