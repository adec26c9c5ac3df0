using System.Reflection;
using RduEmu.Emulator.CommandLine;
using RduEmu.Emulator.Machine.Spec;
using RduEmu.Kernels.Errors;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace RduEmu.Emulator.Validation;

/// <summary>Reads a file of cases; every fault is one line that names the case.</summary>
public static class CaseFile
{
    public const string Schema = "rdu-cases/1";

    /// <summary>The published runs that come with the product.</summary>
    public static IReadOnlyList<ValidationCase> Published()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("published.yaml")
            ?? throw new InvalidOperationException("resource published.yaml is missing");
        using var reader = new StreamReader(stream);
        return Parse(reader.ReadToEnd(), "the published cases");
    }

    /// <exception cref="RduException">RDU0101, RDU0603.</exception>
    public static IReadOnlyList<ValidationCase> Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a file of cases", error.Message, "name a file that exists");
        }
    }

    /// <exception cref="RduException">RDU0603.</exception>
    public static IReadOnlyList<ValidationCase> Parse(string text, string where)
    {
        CaseDocument document;
        try
        {
            document = new DeserializerBuilder().WithNamingConvention(CamelCaseNamingConvention.Instance).WithDuplicateKeyChecking().Build().Deserialize<CaseDocument>(text)
                ?? new CaseDocument();
        }
        catch (YamlException error)
        {
            throw Invalid($"{where}, line {error.Start.Line}", "cases in YAML", error.InnerException?.Message ?? error.Message, "correct the line");
        }

        if (document.Schema != Schema)
        {
            throw Invalid($"{where}, schema", Schema, document.Schema.Length == 0 ? "none" : document.Schema, "write the cases in this schema");
        }

        var names = new HashSet<string>();
        foreach (ValidationCase item in document.Cases)
        {
            Check(item, $"{where}, case {(item.Name.Length == 0 ? "without a name" : item.Name)}", names);
        }

        return document.Cases;
    }

    private static void Check(ValidationCase item, string where, HashSet<string> names)
    {
        Require(item.Name.Length > 0 && names.Add(item.Name + item.Quantity), where, "a name and quantity of its own", item.Name);
        Require(CaseModels.Dimensions.ContainsKey(item.Model), where, $"model: {string.Join(", ", CaseModels.Dimensions.Keys)}", item.Model);
        foreach (string dimension in CaseModels.Dimensions[item.Model])
        {
            Require(item.Dimensions.TryGetValue(dimension, out int value) && value > 0, $"{where}, dimensions.{dimension}", "a positive number", item.Dimensions.TryGetValue(dimension, out value) ? $"{value}" : "none");
        }

        foreach (string dimension in item.Dimensions.Keys)
        {
            Require(CaseModels.Dimensions[item.Model].Contains(dimension), $"{where}, dimensions.{dimension}", string.Join(", ", CaseModels.Dimensions[item.Model]), dimension);
        }

        Require(item.Batch > 0, $"{where}, batch", "at least 1", $"{item.Batch}");
        Require(item.Sockets > 0, $"{where}, sockets", "at least 1", $"{item.Sockets}");
        Require(item.HostSeconds >= 0, $"{where}, hostSeconds", "at least 0", $"{item.HostSeconds}");
        Require(double.IsFinite(item.Value) && item.Value > 0, $"{where}, value", "a positive number", $"{item.Value}");
        Require(CaseQuantities.Of(item.Model).Contains(item.Quantity), $"{where}, quantity", string.Join(", ", CaseQuantities.Of(item.Model)), item.Quantity);
        Require(item.Source.Length > 0, $"{where}, source", "where the value was published", "none");
        CommonOptions.ParseMode(item.Mode);
        RduSpec spec = RduParts.Find(item.Target);
        Require(item.Tiles >= 0 && item.Tiles <= spec.Chip.Tiles, $"{where}, tiles", $"0 to {spec.Chip.Tiles}", $"{item.Tiles}");
    }

    private static void Require(bool holds, string where, string expected, string got)
    {
        if (!holds)
        {
            throw Invalid(where, expected, got, "correct the case");
        }
    }

    private static RduException Invalid(string where, string expected, string got, string remedy) =>
        new(ErrorCatalogue.ReportInvalid, where, expected, got.Length == 0 ? "none" : got, remedy);
}
