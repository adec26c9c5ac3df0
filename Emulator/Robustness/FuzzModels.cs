using RduEmu.Compiler.Onnx;

namespace RduEmu.Emulator.Robustness;

/// <summary>Broken models by number: run n of a seed is the same model wherever and whenever it is made.</summary>
public sealed class FuzzModels
{
    /// <summary>A file of so many bytes is broken half as often as a small one: large ones take longer, and break in the same ways.</summary>
    private const double HalfWeightBytes = 4096;

    private readonly IReadOnlyList<string> _files;
    private readonly byte[][] _models;
    private readonly double[] _until;
    private readonly int _seed;

    public FuzzModels(IReadOnlyList<string> files, int seed)
    {
        _files = files;
        _seed = seed;
        _models = [.. files.Select(File.ReadAllBytes)];
        _until = new double[files.Count];
        double sum = 0;
        for (int i = 0; i < _until.Length; i++)
        {
            sum += 1 / (1 + (_models[i].Length / HalfWeightBytes));
            _until[i] = sum;
        }
    }

    public int Count => _files.Count;

    /// <returns>The broken model and the file that it was.</returns>
    public (string File, byte[] Model) Make(long run)
    {
        // A generator of its own for each run, so that one can be made again without the others.
        var random = new Random(Mixed(_seed, run));
        int which = Array.BinarySearch(_until, random.NextDouble() * _until[^1]);
        which = Math.Min(which < 0 ? ~which : which + 1, _files.Count - 1);
        return (_files[which], OnnxMutation.Mutate(_models[which], random));
    }

    /// <summary>Every bit of both decides every bit (the finaliser of MurmurHash3).</summary>
    private static int Mixed(int seed, long run)
    {
        ulong bits = unchecked((ulong)run * 0x9E3779B97F4A7C15UL + (ulong)(uint)seed * 0xD1B54A32D192ED03UL);
        bits = unchecked((bits ^ (bits >> 33)) * 0xFF51AFD7ED558CCDUL);
        bits = unchecked((bits ^ (bits >> 33)) * 0xC4CEB9FE1A85EC53UL);
        return unchecked((int)(bits >> 32));
    }
}
