using System.Collections.Immutable;
using RduEmu.Compiler.Graphs;

namespace RduEmu.Compiler.Parallelism;

/// <summary>A part of a value, and who has it.</summary>
/// <param name="Region">Which part.</param>
/// <param name="Socket">The RDU, or <see cref="Everywhere"/>.</param>
public readonly record struct Piece(Region Region, int Socket)
{
    /// <summary>Every RDU has it; of a computed value every one computes it.</summary>
    public const int Everywhere = -1;

    public bool IsOn(int socket) => Socket == Everywhere || Socket == socket;
}

/// <summary>The pieces of a value: together all of it, none of it twice.</summary>
public sealed record Layout(EquatableArray<Piece> Pieces)
{
    /// <summary>The whole value on every RDU.</summary>
    public static Layout Everywhere(TensorType type) => On(type, Piece.Everywhere);

    /// <summary>The whole value on one RDU.</summary>
    public static Layout On(TensorType type, int socket) => new([new Piece(Region.Of(type), socket)]);

    /// <summary>Equal parts of one axis, a part on each RDU; null if the axis has no such parts. Two elements of a word stay together.</summary>
    public static Layout? Split(TensorType type, int axis, int sockets)
    {
        int extent = type.Rank > axis ? type.Shape[axis] : 0;
        int together = type.IsPaired && axis == type.Rank - 1 ? 2 : 1;
        return extent == 0 || extent % (sockets * together) != 0
            ? null
            : new([.. Enumerable.Range(0, sockets).Select(socket => new Piece(Region.Of(type).With(axis, socket * (extent / sockets), extent / sockets), socket))]);
    }

    /// <summary>The axis along which the pieces of several RDUs lie, or -1 if there is only one piece.</summary>
    public int CutAxis(TensorType type)
    {
        for (int axis = 0; axis < type.Rank; axis++)
        {
            if (!Pieces[0].Region.HasAll(type, axis))
            {
                return axis;
            }
        }

        return -1;
    }
}

/// <summary>A value of a graph, or a part of it, as one RDU's graph has it.</summary>
/// <param name="Whole">The value of the whole graph.</param>
/// <param name="Region">Which part.</param>
/// <param name="Local">The value of the RDU's graph.</param>
public sealed record LocalValue(ValueId Whole, Region Region, ValueId Local);

/// <summary>One RDU's graph.</summary>
/// <param name="Graph">With exchanges where it takes from others or gives to them.</param>
/// <param name="Inputs">Parts of inputs: what the data or the trainer give.</param>
/// <param name="Parameters">Parts of parameters that it keeps; of one parameter there may be several, and they may overlap.</param>
/// <param name="Outputs">Parts of what the whole graph gives.</param>
public sealed record SocketGraph(
    Graph Graph, ImmutableArray<LocalValue> Inputs, ImmutableArray<LocalValue> Parameters, ImmutableArray<LocalValue> Outputs);
