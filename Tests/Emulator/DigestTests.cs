using NUnit.Framework;
using RduEmu.Emulator.Receipts;

namespace RduEmu.Tests.Emulator;

[TestFixture]
public sealed class DigestTests
{
    [Test]
    public void IsSha256OfNameShapeAndWords()
    {
        // "a", one extent, 2; then 1f and 2f: the digest of these bytes, little-endian.
        byte[] bytes = [(byte)'a', 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40];
        string expected = $"sha256:{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes))}";

        Assert.That(Of("a", [1f, 2f]), Is.EqualTo(expected));
    }

    [Test]
    public void AnyNaN_EqualsAnyOther() =>
        Assert.That(Of("a", [BitConverter.Int32BitsToSingle(0x7FC00001)]), Is.EqualTo(Of("a", [BitConverter.Int32BitsToSingle(unchecked((int)0xFFC00000))])));

    [Test]
    public void ZerosOfBothSigns_Differ() => Assert.That(Of("a", [0f]), Is.Not.EqualTo(Of("a", [-0f])));

    [Test]
    public void Pieces_DoNotMatter()
    {
        float[] elements = [.. Enumerable.Range(0, 50_000).Select(i => i * 0.5f)];
        using var digest = new Digest();
        digest.Begin("a", elements.Length);
        digest.Append(elements.AsSpan(0, 17));
        digest.Append(elements.AsSpan(17));

        Assert.That(digest.ToString(), Is.EqualTo(Of("a", elements)));
    }

    private static string Of(string name, float[] elements)
    {
        using var digest = new Digest();
        digest.Begin(name, elements.Length);
        digest.Append(elements);
        return digest.ToString();
    }
}
