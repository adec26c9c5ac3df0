using NUnit.Framework;
using RduEmu.Compiler.Onnx;
using RduEmu.Compiler.Onnx.Import;

namespace RduEmu.Tests.Onnx;

internal sealed class OnnxCatalogueTests
{
    [Test]
    public void EveryNameMeansOneThingInAnOpset()
    {
        foreach (IGrouping<(string, string), OnnxTranslation> group in OnnxCatalogue.All.GroupBy(translation => (translation.Domain, translation.OpType)))
        {
            OnnxTranslation[] ordered = [.. group.OrderBy(translation => translation.FirstOpset)];
            for (int i = 0; i < ordered.Length; i++)
            {
                Assert.That(ordered[i].LastOpset, Is.GreaterThanOrEqualTo(ordered[i].FirstOpset), $"{ordered[i]}");
                Assert.That(ordered[i].Types, Is.Not.Empty, $"{ordered[i]}");
                Assert.That(i == 0 || ordered[i - 1].LastOpset < ordered[i].FirstOpset, $"{ordered[i]} begins before another one ends");
            }
        }
    }

    /// <summary>To write it again: <c>rduemu operators &gt; docs/operators.md</c>.</summary>
    [Test]
    public void ThePageOfOperatorsIsTrue()
    {
        string? folder = TestContext.CurrentContext.TestDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "RduEmu.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        Assert.That(folder, Is.Not.Null, "the tests run below the repository");
        Assert.That(File.ReadAllText(Path.Combine(folder!, "docs", "operators.md")).ReplaceLineEndings("\n"), Is.EqualTo(OperatorPage.Write()));
    }
}
