using System.Runtime.CompilerServices;
using RduEmu.Kernels.Memory;

namespace RduEmu.Kernels.Templates.SampleReduce;

/// <summary>The rows of all samples of an operand on the host, elements of 32 bits or bf16.</summary>
internal readonly unsafe struct SampleRows
{
    private readonly byte* _start;
    private readonly nint _elementBytes;

    public SampleRows(in HostTile tile, Operand operand)
    {
        _start = (byte*)tile.Whole(operand);
        _elementBytes = operand.IsPaired ? sizeof(ushort) : sizeof(float);
        StrideElements = (nint)operand.RowStrideElements * (operand.IsPaired ? 2 : 1);
    }

    private SampleRows(byte* start, nint strideElements, nint elementBytes)
    {
        _start = start;
        StrideElements = strideElements;
        _elementBytes = elementBytes;
    }

    /// <summary>Elements from one row to the next.</summary>
    public nint StrideElements { get; }

    public bool IsPaired => _elementBytes == sizeof(ushort);

    public float* Floats => (float*)_start;

    public ushort* Halves => (ushort*)_start;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SampleRows FromRow(nint row) => FromElement(row * StrideElements);

    public SampleRows FromColumn(nint column) => FromElement(column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SampleRows FromElement(nint element) => new(_start + element * _elementBytes, StrideElements, _elementBytes);
}
