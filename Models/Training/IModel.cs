namespace RduEmu.Models.Training;

/// <summary>
/// A model with all its choices made: what is needed to train it, to measure it and to run it, on any device. The graphs say
/// how; nothing here computes.
/// </summary>
/// <remarks>
/// Parameters are known by their names: the graphs of one model share a parameter of the same name and type, and a file of
/// weights has it under that name. What a layer keeps from step to step beside its weights (running means) is a parameter too.
/// </remarks>
public interface IModel
{
    /// <summary>As the command line names it: <c>dlrm</c>.</summary>
    string Name { get; }

    /// <summary>The preset's name.</summary>
    string Preset { get; }

    /// <summary>For people, one line: how many parameters, of which kind.</summary>
    string Summary { get; }

    /// <summary>The name of the rule by which parameters follow their gradients.</summary>
    string Optimizer { get; }

    /// <summary>Storage of activations and weights: <c>fp32</c> or <c>bf16</c>.</summary>
    string Precision => "fp32";

    /// <summary>The field of a batch, integers [B, 1], with the number of each sample in the training; null if there is none.</summary>
    string? SampleNumbersField => null;

    /// <summary>True if gradients change the parameter of this name; false for running statistics.</summary>
    bool IsTrained(string parameter) => true;

    /// <summary>True for a task's own layers, which a pretrained model does not have: a training that begins with one draws them.</summary>
    bool IsOfTask(string parameter) => false;

    /// <summary>Samples that are measured at a time.</summary>
    int EvaluationBatchSamples { get; }

    /// <summary>All that defines the graphs, as an object that a receipt can hold.</summary>
    object Describe();

    /// <summary>
    /// One step of the optimiser over a batch, with updates of the parameters. The batch has so many samples even where it is
    /// computed in pieces: a mean is over all of them.
    /// </summary>
    ModelGraph BuildTrainingStep(int batchSamples);

    /// <summary>What <see cref="CreateMetric"/> needs of a batch of samples that were kept apart.</summary>
    ModelGraph BuildEvaluation(int batchSamples) => BuildInference(batchSamples);

    /// <summary>The predictions alone.</summary>
    ModelGraph BuildInference(int batchSamples);

    /// <summary>First values of a parameter, or of a piece of it: a function of seed, parameter and element alone.</summary>
    /// <param name="graph">One of the graphs above.</param>
    /// <param name="parameter">Position among its parameters.</param>
    /// <param name="seed">Of the run.</param>
    /// <param name="firstElement">Where in the parameter the piece begins, row-major.</param>
    /// <param name="elements">To be filled.</param>
    void Initialize(ModelGraph graph, int parameter, int seed, long firstElement, Span<float> elements);

    /// <summary>An empty measurement.</summary>
    IMetric CreateMetric();
}
