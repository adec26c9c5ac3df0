namespace RduEmu.Kernels.Errors;

/// <summary>How the command line ends when the error reaches it.</summary>
public enum ExitCode
{
    Done = 0,
    CheckFailed = 1,
    BadInput = 2,
    DeviceNotAvailable = 3,
    Interrupted = 130,
}

/// <summary>One kind of error: its stable code (<c>RDU0123</c>), what it means, and how the command line ends.</summary>
public sealed record ErrorId(string Code, string Summary, ExitCode Exit);

/// <summary>Every error id of the product. 01xx input files, 02xx options, 03xx devices and memory, 04xx graphs, 05xx output, 06xx the machine, 07xx receipts.</summary>
public static class ErrorCatalogue
{
    public static readonly ErrorId FileMissing = new("RDU0101", "a file or folder is missing or unreadable", ExitCode.BadInput);
    public static readonly ErrorId FileTruncated = new("RDU0102", "a compressed file is truncated or damaged", ExitCode.BadInput);
    public static readonly ErrorId RowMalformed = new("RDU0103", "a row has the wrong number of fields", ExitCode.BadInput);
    public static readonly ErrorId FieldMalformed = new("RDU0104", "a field is not a number of its kind", ExitCode.BadInput);
    public static readonly ErrorId IndexOutsideTable = new("RDU0105", "an index lies outside its embedding table", ExitCode.BadInput);
    public static readonly ErrorId NotFinite = new("RDU0106", "a dense feature is not finite", ExitCode.BadInput);
    public static readonly ErrorId TextUnusable = new("RDU0120", "text or a vocabulary cannot be used", ExitCode.BadInput);
    public static readonly ErrorId ModelMalformed = new("RDU0121", "a file is not a valid ONNX model", ExitCode.BadInput);
    public static readonly ErrorId ExternalDataRefused = new("RDU0122", "external data of a model are not used", ExitCode.BadInput);
    public static readonly ErrorId TensorMalformed = new("RDU0123", "a tensor's data do not fit its type and shape", ExitCode.BadInput);
    public static readonly ErrorId WeightsDamaged = new("RDU0131", "a file of weights is truncated or altered", ExitCode.BadInput);
    public static readonly ErrorId WeightsUnfit = new("RDU0132", "a file of weights does not fit the model", ExitCode.BadInput);
    public static readonly ErrorId CheckpointUnfit = new("RDU0133", "a checkpoint is of another run", ExitCode.BadInput);
    public static readonly ErrorId ImageDamaged = new("RDU0141", "an image cannot be decoded", ExitCode.BadInput);
    public static readonly ErrorId ImagesUnequal = new("RDU0142", "images and labels do not belong together", ExitCode.BadInput);
    public static readonly ErrorId OptionInvalid = new("RDU0201", "an option has a value that cannot be used", ExitCode.BadInput);
    public static readonly ErrorId NameUnknown = new("RDU0202", "a name is not known", ExitCode.BadInput);
    public static readonly ErrorId DeviceUnknown = new("RDU0301", "a device name is not known", ExitCode.BadInput);
    public static readonly ErrorId DeviceNotAvailable = new("RDU0302", "a device is not available on this machine", ExitCode.DeviceNotAvailable);
    public static readonly ErrorId MemoryExceeded = new("RDU0303", "the arena does not fit the memory limit", ExitCode.BadInput);
    public static readonly ErrorId GraphIllegal = new("RDU0401", "a graph breaks its specification", ExitCode.BadInput);
    public static readonly ErrorId NotExportable = new("RDU0402", "a graph has no ONNX form", ExitCode.BadInput);
    public static readonly ErrorId OperatorUnknown = new("RDU0421", "an operator is not in the catalogue", ExitCode.BadInput);
    public static readonly ErrorId OperatorNotSupported = new("RDU0422", "an operator is used in a way that is not supported", ExitCode.BadInput);
    public static readonly ErrorId TypeNotSupported = new("RDU0423", "a type is not supported", ExitCode.BadInput);
    public static readonly ErrorId ValueNotKnown = new("RDU0424", "a value must be known when a model is compiled", ExitCode.BadInput);
    public static readonly ErrorId ShapeNotBound = new("RDU0425", "an input's shape is not known or does not fit", ExitCode.BadInput);
    public static readonly ErrorId ImportFault = new("RDU0429", "the importer failed, by a fault of its own", ExitCode.BadInput);
    public static readonly ErrorId NotationMalformed = new("RDU0431", "an expression in index notation is wrong", ExitCode.BadInput);
    public static readonly ErrorId OutputNotWritten = new("RDU0501", "an output could not be written", ExitCode.BadInput);

    public static readonly ErrorId SpecInvalid = new("RDU0601", "a machine description is not valid", ExitCode.BadInput);
    public static readonly ErrorId Deadlock = new("RDU0602", "a section waits for itself", ExitCode.BadInput);
    public static readonly ErrorId ReportInvalid = new("RDU0603", "a report, a baseline or a case file is not valid", ExitCode.BadInput);
    public static readonly ErrorId DoesNotFit = new("RDU0611", "a program does not fit the chip", ExitCode.BadInput);
    public static readonly ErrorId PlacementIllegal = new("RDU0612", "a placed program breaks its specification", ExitCode.BadInput);
    public static readonly ErrorId FusionRuleInvalid = new("RDU0613", "a fusion rule cannot be used", ExitCode.BadInput);
    public static readonly ErrorId ExecutableDamaged = new("RDU0614", "an executable file is damaged", ExitCode.BadInput);
    public static readonly ErrorId ExecutableOutdated = new("RDU0615", "an executable file was made by another version", ExitCode.BadInput);
    public static readonly ErrorId PlacedRunDiffers = new("RDU0616", "a placed program computes other bits than the whole one", ExitCode.CheckFailed);

    public static readonly ErrorId ReceiptMalformed = new("RDU0701", "a file is no receipt", ExitCode.BadInput);
    public static readonly ErrorId ReplayDamaged = new("RDU0702", "a replay file is damaged", ExitCode.BadInput);
    public static readonly ErrorId ReplayOutdated = new("RDU0703", "a replay file was made by another version", ExitCode.BadInput);

    /// <summary>All ids, in ascending order of their codes.</summary>
    public static IReadOnlyList<ErrorId> All { get; } =
    [
        FileMissing, FileTruncated, RowMalformed, FieldMalformed, IndexOutsideTable, NotFinite, TextUnusable,
        ModelMalformed, ExternalDataRefused, TensorMalformed,
        WeightsDamaged, WeightsUnfit, CheckpointUnfit,
        ImageDamaged, ImagesUnequal,
        OptionInvalid, NameUnknown,
        DeviceUnknown, DeviceNotAvailable, MemoryExceeded,
        GraphIllegal, NotExportable, OperatorUnknown, OperatorNotSupported, TypeNotSupported, ValueNotKnown, ShapeNotBound, ImportFault, NotationMalformed,
        OutputNotWritten,
        SpecInvalid, Deadlock, ReportInvalid,
        DoesNotFit, PlacementIllegal, FusionRuleInvalid, ExecutableDamaged, ExecutableOutdated,
        ReceiptMalformed, ReplayDamaged, ReplayOutdated,
    ];
}
