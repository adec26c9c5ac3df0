using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using RduEmu.Kernels.Devices;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary><c>rduemu devices</c>: what can compute here.</summary>
internal static class DevicesCommand
{
    private static readonly JsonSerializerOptions CamelCase = new(JsonSerializerDefaults.Web);

    public static Command Create()
    {
        Option<bool> json = new("--json") { Description = "one JSON object on stdout" };
        Command command = new("devices", "what can compute here") { json };
        command.SetAction(parsed =>
        {
            IReadOnlyList<DeviceDescription> devices = DeviceCatalogue.List();
            if (parsed.GetValue(json))
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(new { Devices = devices }, CamelCase));
            }
            else
            {
                Print(devices);
            }
        });
        return command;
    }

    private static void Print(IReadOnlyList<DeviceDescription> devices)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("device", "what", "memory");
        foreach (DeviceDescription device in devices)
        {
            string memory = device.MemoryBytes is { } bytes
                ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):F1} GiB")
                : "-";
            table.AddRow(Markup.Escape(device.Name), Markup.Escape(device.Description), memory);
        }

        AnsiConsole.Write(table);
    }
}
