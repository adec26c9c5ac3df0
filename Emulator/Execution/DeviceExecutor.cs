using RduEmu.Compiler.Lowering;
using RduEmu.Kernels.Devices;
using RduEmu.Kernels.Devices.Host;
using RduEmu.Kernels.Templates;

namespace RduEmu.Emulator.Execution;

/// <summary>An ILGPU device: the kernels of all units go to its stream in order. The program must be compiled with every value in the arena.</summary>
public sealed unsafe class DeviceExecutor : Executor
{
    private readonly IlgpuDevice _device;
    private readonly bool _ownsDevice;

    /// <param name="program">What to run.</param>
    /// <param name="device"><c>ilgpu</c>, <c>cuda[:n]</c> or <c>opencl[:n]</c>.</param>
    /// <param name="arenaBytes">Size of the arena if other programs will share it.</param>
    public DeviceExecutor(CompiledProgram program, string device, long arenaBytes = 0)
        : base(program)
    {
        _device = new IlgpuDevice(device, Math.Max(arenaBytes, program.ArenaBytes));
        _ownsDevice = true;
        WriteConstants();
    }

    private DeviceExecutor(DeviceExecutor owner, CompiledProgram program)
        : base(Fitting(program, owner._device.ArenaBytes))
    {
        _device = owner._device;
        WriteConstants();
    }

    public override Executor Share(CompiledProgram program) => new DeviceExecutor(this, program);

    protected override void Load(Section section) => Launch(section);

    public override void Run()
    {
        for (int section = 0; section < Program.Step.Length; section++)
        {
            MakeExchanges(section);
            Launch(Program.Step[section]);
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
        if (disposing && _ownsDevice)
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
