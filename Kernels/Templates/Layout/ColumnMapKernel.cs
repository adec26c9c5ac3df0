using System.Reflection;
using ILGPU;

namespace RduEmu.Kernels.Templates.Layout;

/// <summary>The column map on a device: one thread for each element of the output.</summary>
public static class ColumnMapKernel
{
    public static MethodInfo Method => typeof(ColumnMapKernel).GetMethod(nameof(Run))!;

    public static void Run(Index1D index, ArrayView<float> arena, ArrayView<int> words, ColumnMapArguments arguments)
    {
        int row = index / arguments.Columns;
        int column = index - row * arguments.Columns;
        int source = words[arguments.Map.At(0, column)];
        words[arguments.Output.At(row, column)] = source >= 0 ? words[arguments.Input.At(row, source)] : 0;
    }
}
