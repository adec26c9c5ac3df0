using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Templates;

namespace RduEmu.Emulator.Execution;

/// <summary>An ILGPU device: the kernels of all units go to its stream in order. The program must be compiled with every value in the arena.</summary>
public sealed unsafe class DeviceExecutor : Executor
{
    private readonly IlgpuDevice _device;

    public DeviceExecutor(CompiledProgram program, string device)
        : base(program)
    {
        _device = new IlgpuDevice(device, program.ArenaBytes);
        WriteConstants();
    }

    public override void Load() => Launch(Program.Load);

    public override void Run()
    {
        foreach (Section section in Program.Step)
        {
            Launch(section);
        }
    }

    protected override void WriteWords(long offsetElements, ReadOnlySpan<int> words)
    {
        fixed (int* source = words)
        {
            _device.CopyToDevice(source, offsetElements * sizeof(int), (long)words.Length * sizeof(int));
        }
    }

    protected override void ReadWords(long offsetElements, Span<int> words)
    {
        fixed (int* target = words)
        {
            _device.CopyFromDevice(offsetElements * sizeof(int), target, (long)words.Length * sizeof(int));
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _device.Dispose();
        }
    }

    private void Launch(Section section)
    {
        foreach (Pipeline pipeline in section.Pipelines)
        {
            foreach (ConfiguredUnit unit in pipeline.Units)
            {
                unit.Launch(_device, pipeline.Items);
            }
        }
    }
}
