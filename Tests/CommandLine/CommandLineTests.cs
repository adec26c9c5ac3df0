using System.CommandLine;
using System.Text.Json;
using NUnit.Framework;
using RduEmu.Emulator.CommandLine;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Errors;

namespace RduEmu.Tests;

[TestFixture, NonParallelizable]
public sealed class CommandLineTests
{
    private static readonly string[] AlwaysThere = ["host", "ilgpu", "null"];

    [Test]
    public void Devices_ListTheHostTheSimulatorAndNull() =>
        Assert.That(DeviceCatalogue.List().Select(device => device.Name), Is.SupersetOf(AlwaysThere));

    [TestCase("gpu")]
    [TestCase("cuda:x")]
    [TestCase("host:1")]
    public void UnknownDevice_IsRefused(string name) =>
        Assert.That(Assert.Throws<RduException>(() => DeviceCatalogue.Find(name))!.Id, Is.SameAs(ErrorCatalogue.DeviceUnknown));

    [Test]
    public void DeviceThatIsNotThere_EndsWithExitCode3()
    {
        RduException error = Assert.Throws<RduException>(() => DeviceCatalogue.Find("cuda:63"))!;

        Assert.That(error.Id, Is.SameAs(ErrorCatalogue.DeviceNotAvailable));
        Assert.That((int)error.Id.Exit, Is.EqualTo(3));
    }

    [Test]
    public void UnknownOption_IsOneLine_AndExitCode2()
    {
        TextWriter kept = Console.Error;
        using var captured = new StringWriter();
        Console.SetError(captured);
        int exit;
        try
        {
            exit = CommandRunner.Run(new RootCommand("test"), ["--no-such-option"]);
        }
        finally
        {
            Console.SetError(kept);
        }

        Assert.That(exit, Is.EqualTo(2));
        Assert.That(captured.ToString().TrimEnd().Split('\n'), Has.Length.EqualTo(1));
        Assert.That(captured.ToString(), Does.StartWith("RDU0201"));
    }

    [Test]
    public void ErrorCodes_AreUniqueAndAscending() =>
        Assert.That(ErrorCatalogue.All.Select(id => id.Code), Is.Unique.And.Ordered.Using<string>(StringComparer.Ordinal));

    [Test]
    public void ErrorMessages_AreOneLine() =>
        Assert.That(
            new RduException(ErrorCatalogue.FileMissing, "a\nb", "c", "d\r\ne", "f").Message, Does.Not.Contain("\n").And.Not.Contain("\r"));

    [Test]
    public void DeviceDescriptions_AreJson() =>
        Assert.That(JsonSerializer.Serialize(DeviceCatalogue.List()[0]), Does.Contain("host"));
}
