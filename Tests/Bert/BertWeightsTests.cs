using NUnit.Framework;
using RduEmu.Compiler.Lowering;
using RduEmu.Compiler.Weights;
using RduEmu.Emulator.Execution;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Checkpoints;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Bert;

namespace RduEmu.Tests.Bert;

/// <summary>Weights from files that others wrote: by Hugging Face's names.</summary>
[TestFixture]
public sealed class BertWeightsTests
{
    /// <summary>A task begins with a pretrained encoder and pooler; its own layer, which such a file does not have, stays as it was drawn.</summary>
    [Test]
    public void ATask_BeginsWithAPretrainedModel()
    {
        string folder = Directory.CreateTempSubdirectory("rduemu-weights-").FullName;
        try
        {
            string path = Path.Combine(folder, "pretrained.safetensors");
            var pretrained = BertParameters.List(SmallBert.Configuration, BertHead.Pretraining);
            using (FileStream stream = File.Create(path))
            {
                var writer = new SafetensorsWriter(stream, [.. pretrained.Select(parameter => (parameter.Name, (IReadOnlyList<int>)[.. parameter.Type.Shape]))], new Dictionary<string, string>());
                foreach (BertParameter parameter in pretrained)
                {
                    writer.Append(Enumerable.Repeat(0.25f, (int)parameter.Type.CountElements).ToArray());
                }

                writer.Complete();
            }

            var model = new BertModel(SmallBert.Configuration, SmallBert.Tokens, 1, head: BertHead.Classification);
            using var session = new ModelSession(model, new ExecutionTarget("host", 1), new SessionPurpose(TrainingSamples: 2));
            session.Initialize(1);
            float[][] drawn = [.. session.Parameters.Select(session.ReadParameter)];
            WeightFile.Load(session, path, begins: true);
            for (int i = 0; i < drawn.Length; i++)
            {
                bool isOfTask = session.Graph[session.Parameters[i]].Name.StartsWith("classifier", StringComparison.Ordinal);
                Assert.That(session.ReadParameter(session.Parameters[i]), isOfTask ? Is.EqualTo(drawn[i]) : Is.All.EqualTo(0.25f), session.Graph[session.Parameters[i]].Name);
            }

            Assert.That(() => WeightFile.Load(session, path), Throws.TypeOf<RduException>().With.Message.Contains("classifier.weight"), "nothing is predicted with a layer that was never trained");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void AFileWithTheNamesOfHuggingFace_IsLoaded([Values] bool withGammaAndBeta)
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("rduemu-weights-").FullName, "model.safetensors");
        var parameters = BertParameters.List(SmallBert.Configuration, BertHead.Pretraining);
        string NameIn(string name) => withGammaAndBeta
            ? name.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal).Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal)
            : name;
        var random = new Random(1);
        float[][] values = [.. parameters.Select(parameter => Enumerable.Range(0, (int)parameter.Type.CountElements).Select(_ => random.NextSingle()).ToArray())];
        try
        {
            using (FileStream stream = File.Create(path))
            {
                // What else such a file has is passed over.
                var writer = new SafetensorsWriter(
                    stream,
                    [("bert.embeddings.position_ids", [1]), .. parameters.Select(parameter => (NameIn(parameter.Name), (IReadOnlyList<int>)[.. parameter.Type.Shape]))],
                    new Dictionary<string, string>());
                writer.Append([0f]);
                foreach (float[] elements in values)
                {
                    writer.Append(elements);
                }

                writer.Complete();
            }

            var model = new BertModel(SmallBert.Configuration, SmallBert.Tokens, 1);
            var target = new ExecutionTarget("host", 1, CompileMode.O3, 0, null, long.MaxValue);
            using var session = new ModelSession(model, target, new SessionPurpose(TrainingSamples: 2));
            session.Initialize(1);
            WeightFile.Load(session, path);

            Assert.That(session.Parameters, Has.Length.EqualTo(parameters.Length));
            for (int i = 0; i < values.Length; i++)
            {
                Assert.That(session.ReadParameter(session.Parameters[i]), Is.EqualTo(values[i]), parameters[i].Name);
            }
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }
}
