namespace RduEmu.Kernels.Errors;

/// <summary>
/// A fault that a user can act on. Its message is one line: id, what, where, expected, got, what to do; ids are listed in
/// <see cref="ErrorCatalogue"/>.
/// </summary>
public sealed class RduException : Exception
{
    public RduException(ErrorId id, string where, string expected, string got, string remedy)
        : base($"{id.Code}: {id.Summary}; where: {OneLine(where)}; expected: {OneLine(expected)}; got: {OneLine(got)}; do: {OneLine(remedy)}")
    {
        Id = id;
    }

    public ErrorId Id { get; }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
