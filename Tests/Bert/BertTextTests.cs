using NUnit.Framework;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Bert;
using RduEmu.Models.Bert.Data;
using RduEmu.Models.Training;

namespace RduEmu.Tests.Bert;

[TestFixture]
public sealed class BertTextTests
{
    private string _folder = string.Empty;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("rduemu-text-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    /// <summary>The examples of google-research/bert, tokenization_test.py.</summary>
    [Test]
    public void WordPieces_AreThoseOfTheReference()
    {
        File.WriteAllLines(Path.Combine(_folder, "vocab.txt"), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "want", "##want", "##ed", "wa", "un", "runn", "##ing", ","]);
        WordPieces pieces = WordPieces.Load(Path.Combine(_folder, "vocab.txt"));

        Assert.That(pieces.Encode("UNwant\u00E9d,running"), Is.EqualTo(Pieces(9, 6, 7, 12, 10, 11)));
        Assert.That(pieces.Encode("unwanted runningX"), Is.EqualTo(Pieces(9, 6, 7, 1)));
        Assert.That(pieces.Encode(string.Empty), Is.Empty);
        Assert.That(pieces.Special, Is.EqualTo(new SpecialPieces(0, 2, 3, 4, 13)));
    }

    [Test]
    public void Lines_AreTextWithoutTagsAndTitles()
    {
        string wiki = Path.Combine(_folder, "wiki_00");
        File.WriteAllText(wiki, "<doc id=\"1\" title=\"A\">\nA\n\nfirst text\nsecond\n\n</doc>\n<doc id=\"2\" title=\"B\">\nB\n\nthird\n</doc>\n");
        string plain = Path.Combine(_folder, "zplain.txt");
        File.WriteAllText(plain, "one\n\ntwo\n");
        File.WriteAllText(Path.Combine(_folder, "SOURCE.txt"), "not text");
        File.WriteAllText(Path.Combine(_folder, "vocab.txt"), "not text");

        Assert.That(TextFolder.FindText(_folder), Is.EqualTo(List(wiki, plain)));
        Assert.That(TextFolder.Lines(wiki), Is.EqualTo(List("first text", "second", "third")));
        Assert.That(TextFolder.Lines(plain), Is.EqualTo(List("one", "two")));
        Assert.That(TextFolder.FindVocabulary(_folder), Does.EndWith("vocab.txt"));
    }

    [Test]
    public void WhatCannotBeUsed_IsNamed()
    {
        string vocabulary = Path.Combine(_folder, "vocab.txt");
        File.WriteAllLines(vocabulary, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "word"]);

        Assert.That(() => WordPieces.Load(vocabulary), Throws.TypeOf<RduException>().With.Message.Contains("RDU0120").And.Message.Contains("[MASK]"));
        Assert.That(() => WordPieces.Load(vocabulary + "s"), Throws.TypeOf<RduException>().With.Message.Contains("RDU0101"));
        Assert.That(() => TextFolder.FindText(_folder), Throws.TypeOf<RduException>().With.Message.Contains("RDU0120"));
        Assert.That(() => TextFolder.FindText(Path.Combine(_folder, "none")), Throws.TypeOf<RduException>().With.Message.Contains("RDU0101"));
        File.WriteAllLines(vocabulary, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "word"]);
        File.WriteAllText(Path.Combine(_folder, "text.txt"), "word word");
        Assert.That(() => TokenText.Read(_folder, null, 5), Throws.TypeOf<RduException>().With.Message.Contains("RDU0120"));
        TokenText text = TokenText.Read(_folder, null, 30522);
        Assert.That(text.Tokens, Is.EqualTo(Pieces(5, 5)));
        Assert.That(
            () => new MaskedTextSource("x", text.Training, text.Special, 16, 1, isTest: false), Throws.TypeOf<RduException>().With.Message.Contains("RDU0120"));
        Assert.That(
            () => new MaskedTextSource("x", new int[100], text.Special, 7, 1, isTest: false), Throws.TypeOf<RduException>().With.Message.Contains("RDU0201"));
    }

    [Test]
    public void Sequences_AreAsInThePaper()
    {
        const int tokens = 64;
        const int samples = 400;
        TokenText text = TokenText.Generate(2000, 1);
        var source = new MaskedTextSource("generated", text.Training, text.Special, tokens, 1, isTest: false);
        Batch batch = source.CreateBatch(samples);
        source.Read(batch);
        int predictions = BertConfiguration.PredictionsOf(tokens);
        int masked = 0, kept = 0;
        Assert.That(predictions, Is.EqualTo(10));
        for (int b = 0; b < samples; b++)
        {
            int[] ids = batch[BertGraph.TokenIds].Integers[(b * tokens)..((b + 1) * tokens)];
            int[] types = batch[BertGraph.TypeIds].Integers[(b * tokens)..((b + 1) * tokens)];
            int[] positions = batch[BertGraph.MaskedPositions].Integers[(b * predictions)..((b + 1) * predictions)];
            int[] labels = batch[BertGraph.MaskedLabels].Integers[(b * predictions)..((b + 1) * predictions)];
            Assert.That(positions, Is.Ordered.And.Unique);
            int[] whole = [.. ids];
            for (int i = 0; i < predictions; i++)
            {
                masked += ids[positions[i]] == text.Special.Mask ? 1 : 0;
                kept += ids[positions[i]] == labels[i] ? 1 : 0;
                whole[positions[i]] = labels[i];
            }

            int separator = Array.IndexOf(whole, text.Special.Separator);
            Assert.That(whole[0], Is.EqualTo(text.Special.Classification));
            Assert.That(whole[^1], Is.EqualTo(text.Special.Separator));
            Assert.That(types, Is.EqualTo(Enumerable.Range(0, tokens).Select(t => t <= separator ? 0 : 1)));
            int[] segment = [.. whole[1..separator], .. whole[(separator + 1)..^1]];
            bool follows = text.Training.Span.IndexOf(segment) >= 0;
            Assert.That(follows, Is.EqualTo(batch[BertGraph.ClassLabels].Integers[b] == 0));
            Assert.That(batch[BertGraph.SampleNumbers].Integers[b], Is.EqualTo(b));
        }

        const double all = samples * 10;
        Assert.That(masked / all, Is.EqualTo(0.8).Within(4 * Math.Sqrt(0.8 * 0.2 / all)));
        Assert.That(kept / all, Is.EqualTo(0.1).Within(4 * Math.Sqrt(0.1 * 0.9 / all)));
        Assert.That(batch[BertGraph.ClassLabels].Integers.Average(), Is.EqualTo(0.5).Within(4 * Math.Sqrt(0.25 / samples)));
        Assert.That(batch[BertGraph.MaskedWeights].Floats.Sum(), Is.EqualTo(1).Within(1e-3));
    }

    /// <summary>A sample is a function of its number: batches of any size, and a source that begins later, give the same.</summary>
    [Test]
    public void Samples_DoNotDependOnBatches([Values] bool isTest)
    {
        TokenText text = TokenText.Generate(2000, 1);
        MaskedTextSource Source() => new("generated", isTest ? text.HeldOut : text.Training, text.Special, 32, 1, isTest);
        MaskedTextSource large = Source();
        Batch all = large.CreateBatch(12);
        large.Read(all);
        MaskedTextSource small = Source();
        Batch part = small.CreateBatch(4);
        small.Skip(part, 2);
        small.Read(part);

        foreach (string name in List(BertGraph.TokenIds, BertGraph.MaskedLabels, BertGraph.ClassLabels, BertGraph.SampleNumbers))
        {
            Assert.That(part[name].Integers, Is.EqualTo(all[name].Integers[(8 * part[name].Width)..]), name);
        }
    }

    /// <summary>The held-out twentieth has no token in common with what is trained on, and is read once.</summary>
    [Test]
    public void TheLastTwentieth_IsHeldOut()
    {
        TokenText text = TokenText.Generate(2000, 1);
        var source = new MaskedTextSource("generated", text.HeldOut, text.Special, 32, 1, isTest: true);
        Batch batch = source.CreateBatch(1000);
        source.Read(batch);
        int first = batch.CountSamples;
        source.Read(batch);

        Assert.That(text.HeldOut.Length, Is.EqualTo(text.Tokens.Length / 20));
        Assert.That(text.Training.Length + text.HeldOut.Length, Is.EqualTo(text.Tokens.Length));
        Assert.That(first + batch.CountSamples, Is.EqualTo(text.HeldOut.Length / 29));
    }

    [Test]
    public void WikipediasText_IsRead()
    {
        string folder = RealData.Require("data/bert_vocab_wiki");
        TokenText text = TokenText.Read(folder, null, 30522);

        Assert.That(text.Special, Is.EqualTo(new SpecialPieces(0, 101, 102, 103, 30522)));
        Assert.That(text.Tokens, Has.Length.InRange(800_000, 1_100_000).And.All.InRange(0, 30521));
        Assert.That(text.Tokens.Count(token => token == 100) / (double)text.Tokens.Length, Is.LessThan(0.01), "unknown pieces");
    }

    private static int[] Pieces(params int[] pieces) => pieces;

    private static string[] List(params string[] lines) => lines;
}
