using System.Runtime.InteropServices;
using RduEmu.Compiler.Graphs;
using RduEmu.Emulator.Execution;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.Training;

/// <summary>A model's graph in an executor, with the inputs that take the fields of a batch.</summary>
internal sealed class LoadedGraph
{
    private readonly Value[] _dataInputs;
    private readonly int[] _word = new int[1];

    /// <param name="model">The graph.</param>
    /// <param name="executor">Which runs it.</param>
    /// <param name="given">Inputs that are neither data nor controls.</param>
    public LoadedGraph(ModelGraph model, Executor executor, params IReadOnlyCollection<ValueId> given)
    {
        Model = model;
        Executor = executor;
        _dataInputs =
        [
            .. model.Graph.Values.Where(value =>
                value.Role == ValueRole.Input && model.Controls.All(control => control.Input != value.Id) && !given.Contains(value.Id)),
        ];
    }

    public ModelGraph Model { get; }

    public Executor Executor { get; }

    /// <summary>Writes the fields that inputs are named after.</summary>
    /// <param name="batch">Samples; as many as the graph takes from the first on.</param>
    /// <param name="firstSample">The first that the graph takes.</param>
    /// <exception cref="KeyNotFoundException">The batch lacks a field.</exception>
    public void Write(Batch batch, int firstSample = 0)
    {
        foreach (Value input in _dataInputs)
        {
            BatchField field = batch[input.Name];
            int first = input.Type.HasSamples ? firstSample * field.Width : 0;
            int count = checked((int)input.Type.CountElements);
            if (input.Type.Element == ElementType.Float32)
            {
                Executor.Write(input.Id, field.Floats.AsSpan(first, count));
            }
            else
            {
                Executor.Write(input.Id, field.Integers.AsSpan(first, count));
            }
        }
    }

    public void Write(StepMoment moment)
    {
        foreach (ControlInput control in Model.Controls)
        {
            _word[0] = control.WordAt(moment);
            if (Model.Graph[control.Input].Type.Element == ElementType.Float32)
            {
                Executor.Write(control.Input, MemoryMarshal.Cast<int, float>(_word));
            }
            else
            {
                Executor.Write(control.Input, _word);
            }
        }
    }
}
