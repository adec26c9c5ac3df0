using System.Reflection;
using ILGPU;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Memory;
using RduEmu.Kernels.Programs.Functions;

namespace RduEmu.Kernels.Templates.Strided;

/// <summary>What a word map needs besides its function.</summary>
public readonly record struct WordMapArguments(
    NdOperand Output, NdOperand X, NdOperand Y, NdOperand Z, NdShape Shape, int ElementsPerItem, int OutputCode, int XCode, int YCode, int ZCode);

/// <summary>
/// Template <c>WordMap</c>: out[i] = f(x[i], y[i], z[i]) at every index of an N-d tensor, for elements of any type: each is
/// widened to 64 bits (<see cref="ElementCode.Widen"/>), the function computes in those, and the result keeps the bits of the
/// output's type. Integers of all widths, float64, and casts; exact by construction.
/// </summary>
/// <remarks>Inputs that the function does not use may be any operand of the right shape. The output may be one of the inputs.</remarks>
public sealed unsafe class WordMapUnit<TFunction> : ConfiguredUnit
    where TFunction : struct, IWordFunction
{
    private readonly NdLoop _loop;
    private readonly WordMapArguments _arguments;

    /// <param name="extents">Of one item, outermost first.</param>
    /// <param name="outputCode">An <see cref="ElementCode"/>.</param>
    /// <param name="inputs">One to three operands.</param>
    /// <param name="inputCodes">Their <see cref="ElementCode"/>s.</param>
    public WordMapUnit(string name, int[] extents, NdOperand output, int outputCode, NdOperand[] inputs, int[] inputCodes)
        : base(name, rowsPerItem: 1)
    {
        NdOperand y = inputs[Math.Min(1, inputs.Length - 1)];
        NdOperand z = inputs[Math.Min(2, inputs.Length - 1)];
        _loop = NdLoop.Over(extents, [output, inputs[0], y, z]);
        _arguments = new WordMapArguments(
            _loop.Operands[0], _loop.Operands[1], _loop.Operands[2], _loop.Operands[3], _loop.Shape, checked((int)_loop.CountElements),
            outputCode, inputCodes[0], inputCodes[Math.Min(1, inputs.Length - 1)], inputCodes[Math.Min(2, inputs.Length - 1)]);
    }

    public override bool SplitsColumns => true;

    public override long OperationsPerItem => _loop.CountElements;

    public override void Interpret(InterpreterMemory memory, int items)
    {
        WordMapArguments p = _arguments;
        for (int item = 0; item < items; item++)
        {
            for (int element = 0; element < p.ElementsPerItem; element++)
            {
                NdIndex index = NdIndex.Of(p.Shape, element);
                long x = memory.Wide(p.X, p.XCode, item, index);
                long y = memory.Wide(p.Y, p.YCode, item, index);
                long z = memory.Wide(p.Z, p.ZCode, item, index);
                memory.Store(p.Output, p.OutputCode, item, index, TFunction.Apply(x, y, z));
            }
        }
    }

    public override void Run(in HostTile tile)
    {
        tile.Share(tile.ItemCount * _loop.CountElements, NdLoop.ShareGranule, out long begin, out long end);
        if (begin >= end)
        {
            return;
        }

        Span<int> index = stackalloc int[NdShape.MaximumRank];
        Span<nint> addresses = stackalloc nint[4];
        var walk = new NdWalk(_loop, in tile, begin / _loop.Inner, index, addresses);
        int column = (int)(begin % _loop.Inner);
        for (long left = end - begin; left > 0; walk.Next())
        {
            int count = (int)Math.Min(left, _loop.Inner - column);
            Row(ref walk, column, count);
            left -= count;
            column = 0;
        }
    }

    public override void Launch(KernelLauncher launcher, int items) =>
        launcher.Launch(WordMapKernel.Run<TFunction>, checked(items * _arguments.ElementsPerItem), _arguments);

    private void Row(ref NdWalk walk, int column, int count)
    {
        nint targetStride = _loop.InnerStride(0);
        nint strideX = _loop.InnerStride(1);
        nint strideY = _loop.InnerStride(2);
        nint strideZ = _loop.InnerStride(3);
        var target = (int*)walk.Address(0) + column * targetStride;
        var x = (int*)walk.Address(1) + column * strideX;
        var y = (int*)walk.Address(2) + column * strideY;
        var z = (int*)walk.Address(3) + column * strideZ;
        for (int i = 0; i < count; i++)
        {
            long result = TFunction.Apply(
                HostWord.Load(x, _arguments.XCode), HostWord.Load(y, _arguments.YCode), HostWord.Load(z, _arguments.ZCode));
            HostWord.Store(target, _arguments.OutputCode, result);
            target += targetStride;
            x += strideX;
            y += strideY;
            z += strideZ;
        }
    }
}

/// <summary>Elements of any type on the host.</summary>
internal static unsafe class HostWord
{
    public static long Load(int* address, int code) =>
        ElementCode.Words(code) == 2 ? *(long*)address : code == ElementCode.UInt32 ? (uint)*address : *address;

    public static void Store(int* address, int code, long value)
    {
        if (ElementCode.Words(code) == 2)
        {
            *(long*)address = value;
        }
        else
        {
            *address = ElementCode.Lower(code, value);
        }
    }
}

/// <summary>Elements of any type in a kernel.</summary>
internal static class DeviceWord
{
    public static long Load(ArrayView<int> words, long position, int code)
    {
        int upper = 0;
        if (ElementCode.Words(code) == 2)
        {
            upper = words[position + 1];
        }

        return ElementCode.Widen(code, words[position], upper);
    }

    public static void Store(ArrayView<int> words, long position, int code, long value)
    {
        words[position] = ElementCode.Lower(code, value);
        if (ElementCode.Words(code) == 2)
        {
            words[position + 1] = (int)(value >> 32);
        }
    }
}

/// <summary>The word map on a device: one thread for each element.</summary>
public static class WordMapKernel
{
    /// <summary>The kernel for one function.</summary>
    public static MethodInfo Method(Type function) => typeof(WordMapKernel).GetMethod(nameof(Run))!.MakeGenericMethod(function);

    public static void Run<TFunction>(Index1D thread, ArrayView<float> arena, ArrayView<int> words, WordMapArguments p)
        where TFunction : struct, IWordFunction
    {
        int item = thread / p.ElementsPerItem;
        NdIndex index = NdIndex.Of(p.Shape, thread - item * p.ElementsPerItem);
        long result = TFunction.Apply(
            DeviceWord.Load(words, p.X.At(item, in index), p.XCode),
            DeviceWord.Load(words, p.Y.At(item, in index), p.YCode),
            DeviceWord.Load(words, p.Z.At(item, in index), p.ZCode));
        DeviceWord.Store(words, p.Output.At(item, in index), p.OutputCode, result);
    }
}
