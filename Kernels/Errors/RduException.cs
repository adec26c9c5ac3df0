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
        Where = where;
        Expected = expected;
        Got = got;
        Remedy = remedy;
    }

    public ErrorId Id { get; }

    public string Where { get; }

    public string Expected { get; }

    public string Got { get; }

    public string Remedy { get; }

    /// <summary>The same fault, told of a larger place that the user knows.</summary>
    /// <param name="where">That place.</param>
    public RduException At(string where) => new(Id, where, Expected, Got, Remedy);

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
