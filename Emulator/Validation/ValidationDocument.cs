using System.Globalization;
using System.Text;

namespace RduEmu.Emulator.Validation;

/// <summary>The results as docs/validation.md has them.</summary>
public static class ValidationDocument
{
    /// <summary>What stands before the results.</summary>
    public static string Head { get; } =
        """
        # Validation

        Published runs beside the machine model. This page is made by `rduemu validate --document docs/validation.md` from
        `Emulator/Validation/published.yaml`, and a test keeps it true. Nothing was measured here: *modelled* is what the event simulation
        says of the placed program, *published* what the source says of silicon.

        What to know when reading it:

        - The calibration constants (`calibration`, memory efficiency, loads and the host's time for a token in the files of
          `Emulator/Machine/Spec/Parts`) were fitted on these very rows. They are few, and each has a physical meaning, but these errors are
          errors of a fit; a case of your own (`rduemu validate --cases FILE`, same form) is a prediction.
        - What is placed are the product's own graphs (`Models/Llm`, `Bert`, `Unet`, `Dlrm`), on paper: no weight is allocated.
        - One systolic share, 30 of 100, serves SN10 and SN30, and no share fits all their rows: with 40 GPT-2 1600 of 24 layers would be 17%
          too fast instead of 9%, BERT-large 22% (SN30) and 12% (SN10) too slow instead of 28% and 23%. UNet hardly depends on it.
        - The rows of one layer of GPT-2, which are mostly the vocabulary's part, are modelled too fast in both modes. Why is not known.
        - `samplesPerSecond` of the GPT-2 rows contains the host time of the same row of the source. It is given, not modelled, and
          makes these errors small; `rduSeconds` is the honest column.
        - `sections` and `pcuPercent` say how the compiler cuts, not how long it takes.


        """.ReplaceLineEndings("\n");

    public static string Number(double value) => value switch
    {
        >= 1000 => value.ToString("N0", CultureInfo.InvariantCulture),
        >= 100 => value.ToString("F1", CultureInfo.InvariantCulture),
        >= 1 => value.ToString("F2", CultureInfo.InvariantCulture),
        _ => value.ToString("F4", CultureInfo.InvariantCulture),
    };

    public static string Percent(double share) => (share * 100).ToString("+0.0;-0.0", CultureInfo.InvariantCulture) + "%";

    /// <summary>The middle of the absolute relative errors.</summary>
    public static double Median(IReadOnlyCollection<CaseResult> results)
    {
        double[] errors = [.. results.Select(result => Math.Abs(result.RelativeError)).Order()];
        return errors.Length == 0 ? double.NaN : (errors[(errors.Length - 1) / 2] + errors[errors.Length / 2]) / 2;
    }

    public static IReadOnlyList<string> Verdict(IReadOnlyCollection<CaseResult> results)
    {
        var lines = new List<string> { Line("all rows", results) };
        foreach (IGrouping<string, CaseResult> group in results.GroupBy(result => result.Case.Quantity))
        {
            lines.Add(Line(group.Key, [.. group]));
        }

        return lines;
    }

    public static byte[] Write(IReadOnlyList<CaseResult> results)
    {
        var text = new StringBuilder(Head);
        foreach (string line in Verdict(results))
        {
            text.Append(CultureInfo.InvariantCulture, $"- {line}\n");
        }

        if (Gain(results) is { } gain)
        {
            text.Append(CultureInfo.InvariantCulture, $"- {gain}\n");
        }

        text.Append("\n| case | target, tiles | mode | quantity | modelled | published | error |\n| --- | --- | --- | --- | ---: | ---: | ---: |\n");
        foreach (CaseResult result in results)
        {
            text.Append(Row(result)).Append('\n');
        }

        text.Append("\nNotes and sources:\n\n");
        foreach (IGrouping<string, CaseResult> source in results.GroupBy(result => result.Case.Source))
        {
            text.Append(CultureInfo.InvariantCulture, $"- {source.Key}: {string.Join(", ", source.Select(result => result.Case.Name).Distinct())}\n");
            foreach (string note in source.Where(result => result.Case.Note.Length > 0).Select(result => $"{result.Case.Name} ({result.Case.Quantity}): {result.Case.Note}").Distinct())
            {
                text.Append(CultureInfo.InvariantCulture, $"  - {note}\n");
            }
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>A row of the table.</summary>
    public static string Row(CaseResult result)
    {
        ValidationCase item = result.Case;
        string where = $"{item.Target}{(item.Tiles > 0 ? $", {item.Tiles}" : string.Empty)}{(item.Sockets > 1 ? $", {item.Sockets} sockets" : string.Empty)}";
        return $"| {item.Name} | {where} | {item.Mode} | {item.Quantity} | {Number(result.Modelled)} | {Number(item.Value)} | {Percent(result.RelativeError)} |";
    }

    /// <summary>What whole-graph compilation gains over single operators: a layer's time is the difference of 24 layers and 1, over 23.</summary>
    private static string? Gain(IReadOnlyList<CaseResult> results)
    {
        CaseResult? Row(string name) => results.FirstOrDefault(result => result.Case.Name == name && result.Case.Quantity == CaseQuantities.RduSeconds);
        if (Row("gpt2-1600-24-o0") is not { } slow || Row("gpt2-1600-1-o0") is not { } slowOne || Row("gpt2-1600-24-o3") is not { } fast || Row("gpt2-1600-1-o3") is not { } fastOne)
        {
            return null;
        }

        double modelled = (slow.Modelled - slowOne.Modelled) / (fast.Modelled - fastOne.Modelled);
        double published = (slow.Case.Value - slowOne.Case.Value) / (fast.Case.Value - fastOne.Case.Value);
        return $"o3 over o0 for a layer of GPT-2 1600: modelled {modelled.ToString("F2", CultureInfo.InvariantCulture)} times, published {published.ToString("F2", CultureInfo.InvariantCulture)}";
    }

    private static string Line(string name, IReadOnlyCollection<CaseResult> results)
    {
        CaseResult worst = results.MaxBy(result => result.Factor)!;
        string median = (Median(results) * 100).ToString("F1", CultureInfo.InvariantCulture);
        int within = results.Count(result => Math.Abs(result.RelativeError) <= 0.2);
        return $"{name}: median absolute error {median}% over {results.Count}; {within} within 20%; worst {worst.Case.Name} ({worst.Case.Quantity}) by a factor of {worst.Factor.ToString("F2", CultureInfo.InvariantCulture)}";
    }
}
