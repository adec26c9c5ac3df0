using System.Diagnostics;
using Spectre.Console;

namespace RduEmu.Emulator.CommandLine;

/// <summary>A progress bar on a terminal, a line every ten seconds elsewhere.</summary>
internal static class ProgressBar
{
    private const long RefreshMilliseconds = 200;
    private const long LineMilliseconds = 10_000;

    /// <summary>Called after each step: how far, of how many if that is known, and what to show beside it.</summary>
    public delegate void Report(long done, long? all, Func<string> text);

    public static T Run<T>(IAnsiConsole console, string title, Func<Report, T> work)
    {
        var watch = Stopwatch.StartNew();
        long shown = 0;
        if (!console.Profile.Capabilities.Interactive)
        {
            return work((done, all, text) =>
            {
                if (watch.ElapsedMilliseconds - shown >= LineMilliseconds)
                {
                    shown = watch.ElapsedMilliseconds;
                    console.WriteLine($"{title}: step {done}{(all is { } count ? $" of {count}" : string.Empty)}, {text()}");
                }
            });
        }

        T result = default!;
        console.Progress()
            .AutoRefresh(false)
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask(title);
                result = work((done, all, text) =>
                {
                    if (watch.ElapsedMilliseconds - shown < RefreshMilliseconds)
                    {
                        return;
                    }

                    shown = watch.ElapsedMilliseconds;
                    task.IsIndeterminate = all is null;
                    task.MaxValue = all ?? double.MaxValue;
                    task.Value = done;
                    task.Description = Markup.Escape($"{title}: step {done}, {text()}");
                    context.Refresh();
                });
            });
        return result;
    }
}
