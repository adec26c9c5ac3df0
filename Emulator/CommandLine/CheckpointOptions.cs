using System.CommandLine;
using RduEmu.Emulator.Training;
using RduEmu.Emulator.Training.Checkpoints;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Training;

namespace RduEmu.Emulator.CommandLine;

/// <summary>Where a training keeps what it needs to go on after it was killed.</summary>
internal sealed class CheckpointOptions
{
    /// <summary>These say how far the training goes, and may be other ones when it goes on.</summary>
    private static readonly string[] NotOfTheRun = ["steps", "epochs"];

    private readonly Option<string?> _folder = new("--checkpoint") { Description = $"keep {Checkpoint.FileName} in this folder" };
    private readonly Option<int> _every = new("--checkpoint-every") { Description = "steps between two checkpoints; 0: at the end only" };
    private readonly Option<bool> _resume = new("--resume") { Description = "go on from the checkpoint in the folder; without one begin" };

    public IReadOnlyList<Option> All => [_folder, _every, _resume];

    public bool Resumes(ParseResult parsed) => parsed.GetValue(_resume);

    /// <summary>Prepares the folder, and takes the session to where the checkpoint is if that is asked for.</summary>
    /// <exception cref="RduException">RDU0131, RDU0132, RDU0133: the checkpoint cannot be used. RDU0201: options that need a folder. RDU0501: nothing can be written.</exception>
    public TrainingWatch Apply(ParseResult parsed, ModelRequest request, TrainingCourse course, ModelSession session, TrainingWatch watch)
    {
        int every = CommonOptions.NotNegative("--checkpoint-every", parsed.GetValue(_every));
        if (parsed.GetValue(_folder) is not { } folder)
        {
            return every == 0 && !parsed.GetValue(_resume)
                ? watch
                : throw new RduException(
                    ErrorCatalogue.OptionInvalid, every > 0 ? "--checkpoint-every" : "--resume", "a folder by --checkpoint", "none", "name the folder");
        }

        var run = new Dictionary<string, object>
        {
            ["model"] = request.Model.Name,
            ["preset"] = request.Model.Preset,
            ["configuration"] = request.Model.Describe(),
            ["precision"] = request.Model.Precision,
        };
        foreach ((string option, object value) in CourseOptions.Describe(request, course).Where(pair => !NotOfTheRun.Contains(pair.Key)))
        {
            run.Add(option, value);
        }

        var checkpoint = new Checkpoint(folder, run);
        return watch with
        {
            From = parsed.GetValue(_resume) && checkpoint.Exists ? checkpoint.Load(session) : null,
            SaveEvery = every,
            Save = state => checkpoint.Save(session, state),
        };
    }
}
