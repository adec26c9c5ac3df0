using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Checks;

/// <summary>One bit that is flipped as soon as a stage has written it: a check must find it, and name it.</summary>
/// <param name="Step">Training step, counted from 0.</param>
/// <param name="Section">The section.</param>
/// <param name="Stage">The stage.</param>
/// <param name="Element">Element of what it writes, row-major.</param>
/// <param name="Bit">0 is the lowest.</param>
public sealed record Injection(long Step, string Section, string Stage, long Element, int Bit)
{
    /// <param name="text"><c>step:section:stage:element:bit</c></param>
    /// <exception cref="RduException">RDU0201: it is not that.</exception>
    public static Injection Parse(string text)
    {
        string[] parts = text.Split(':');
        return parts.Length == 5 && long.TryParse(parts[0], out long step) && step >= 0 && long.TryParse(parts[3], out long element) && element >= 0
            && int.TryParse(parts[4], out int bit) && bit is >= 0 and < 32
            ? new Injection(step, parts[1], parts[2], element, bit)
            : throw new RduException(ErrorCatalogue.OptionInvalid, "--inject", "step:section:stage:element:bit", text, "name the place as a check's table does");
    }
}
