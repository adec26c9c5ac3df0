using System.CommandLine;
using RduEmu.Kernels.Errors;
using RduEmu.Models.Bert;
using RduEmu.Models.Bert.Data;

namespace RduEmu.Emulator.CommandLine.Families;

/// <summary><c>bert</c>: presets, sequences, optimisers and text.</summary>
internal sealed class BertFamily : IModelFamily
{
    private readonly Option<string> _preset = new("--preset") { Description = string.Join(", ", BertConfiguration.All.Select(preset => preset.Name)), DefaultValueFactory = _ => "tiny" };
    private readonly Option<string?> _data = new("--data") { Description = "a file or folder of text, plain or WikiExtractor's; left out: generated text" };
    private readonly Option<string?> _vocabulary = new("--vocab") { Description = "the vocabulary, one word piece a line; left out: *vocab.txt beside the text" };
    private readonly Option<int?> _tokens = new("--tokens") { Description = "tokens of a sequence; left out: 128" };
    private readonly Option<int?> _layers = new("--layers") { Description = "encoder layers instead of the preset's" };
    private readonly Option<int?> _hidden = new("--hidden") { Description = "width instead of the preset's, with heads of 64 where it is a multiple of that, else one" };
    private readonly Option<int?> _words = new("--vocabulary") { Description = "word pieces instead of the preset's 30522" };
    private readonly Option<string> _task = new("--task") { Description = "pretrain (text), classify (lines: label TAB text [TAB text]), span (lines: question TAB context TAB answer)", DefaultValueFactory = _ => "pretrain" };
    private readonly Option<string> _optimizer = new("--optimizer") { Description = "adamw, lamb", DefaultValueFactory = _ => "adamw" };

    public string Name => "bert";

    public string Description => "a transformer encoder: masked words of a text and whether a sentence follows";

    public IReadOnlyList<Option> Options => [_preset, _data, _vocabulary, _tokens, _layers, _hidden, _words, _task, _optimizer];

    public IReadOnlyList<string> Precisions => ["fp32", "bf16"];

    public ModelChoice Read(ParseResult parsed, CommonChoices common)
    {
        BertConfiguration configuration = BertConfiguration.Find(parsed.GetRequiredValue(_preset));
        if (parsed.GetValue(_layers) is { } layers)
        {
            configuration = configuration with { Layers = CommonOptions.Positive("--layers", layers) };
        }

        if (parsed.GetValue(_hidden) is { } hidden)
        {
            int width = CommonOptions.Positive("--hidden", hidden);
            configuration = configuration with { Hidden = width, Heads = width % 64 == 0 ? width / 64 : 1, Intermediate = checked(4 * width) };
        }

        if (parsed.GetValue(_words) is { } words)
        {
            configuration = configuration with { Vocabulary = CommonOptions.AtLeast("--vocabulary", words, SpecialPieces.SmallestVocabulary) };
        }

        int tokens = parsed.GetValue(_tokens) is { } given ? CommonOptions.AtLeast("--tokens", given, MaskedTextSource.FewestTokens) : configuration.Tokens;
        string? data = parsed.GetValue(_data);
        string? vocabulary = parsed.GetValue(_vocabulary);
        BertHead head = parsed.GetRequiredValue(_task) switch
        {
            "pretrain" => BertHead.Pretraining,
            "classify" => BertHead.Classification,
            "span" => BertHead.Span,
            var task => throw new RduException(ErrorCatalogue.NameUnknown, "--task", "pretrain, classify, span", task, "choose one of the tasks"),
        };
        if (head != BertHead.Pretraining)
        {
            bool isSpan = head == BertHead.Span;
            TaskText text = data is null ? TaskText.Generate(configuration.Vocabulary, isSpan, common.Seed) : TaskText.Read(data, isSpan, vocabulary);
            return new ModelChoice(
                new BertModel(configuration, tokens, common.Seed, parsed.GetRequiredValue(_optimizer), head, Math.Max(2, text.Classes.Count)),
                () => new TaskData(configuration, text, tokens, common.Seed));
        }

        var model = new BertModel(configuration, tokens, common.Seed, parsed.GetRequiredValue(_optimizer));
        return new ModelChoice(model, () => new BertData(
            configuration,
            data is null ? TokenText.Generate(configuration.Vocabulary, common.Seed) : TokenText.Read(data, vocabulary, configuration.Vocabulary),
            tokens, common.Seed, isGenerated: data is null));
    }
}
