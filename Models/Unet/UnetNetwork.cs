using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Models.Unet;

/// <summary>
/// The network: on each level down two 3x3 convolutions, then 2x2 max-pooling; on each level up doubled extents, the features of the
/// same level before pooling beside them, and two 3x3 convolutions; 1x1 convolution to the classes.
/// </summary>
internal static class UnetNetwork
{
    /// <summary>The logits [B, H', W', classes] of images [B, H, W, channels].</summary>
    /// <param name="sampleNumbers">Integers [B, 1] that dropout counts by; null where nothing is dropped.</param>
    public static ValueId Build(UnetLayers layers, UnetConfiguration configuration, ValueId image, ValueId? sampleNumbers, int seed)
    {
        GraphBuilder builder = layers.Builder;
        var skips = new List<ValueId>();
        ValueId x = image;
        for (int level = 0; level < UnetConfiguration.Levels; level++)
        {
            int features = configuration.Features << level;
            ValueId source = x;
            string name = $"encoder{level + 1}";
            x = layers.Layer(name, () => Block(layers, configuration, name, source, features, features));
            x = level == UnetConfiguration.Levels - 1 ? Drop(builder, configuration, x, sampleNumbers, seed, 0) : x;
            skips.Add(x);
            x = builder.Apply(MaxPool.Of(2), x);
        }

        ValueId lowest = x;
        x = layers.Layer("bottleneck", () => Block(layers, configuration, "bottleneck", lowest, configuration.BottomFeatures, configuration.BottomFeatures));
        x = Drop(builder, configuration, x, sampleNumbers, seed, 1);
        for (int level = UnetConfiguration.Levels - 1; level >= 0; level--)
        {
            (ValueId below, int at) = (x, level);
            x = layers.Layer($"decoder{level + 1}", () => Level(layers, configuration, at, below, skips[at]));
        }

        if (configuration.HeadFeatures > 0)
        {
            x = layers.Relu(layers.Convolve("head", x, configuration.HeadFeatures, 3, ConvolutionWindow.Same(3), hasBias: true));
        }

        return layers.Convolve("classes", x, configuration.Classes, 1, ConvolutionWindow.Valid, hasBias: true);
    }

    /// <summary>One level of the decoder.</summary>
    private static ValueId Level(UnetLayers layers, UnetConfiguration configuration, int level, ValueId x, ValueId skip)
    {
        GraphBuilder builder = layers.Builder;
        int features = configuration.Features << level;
        string name = $"up{level + 1}";
        ValueId up = configuration.Upsampling switch
        {
            UnetUpsampling.Transposed => layers.Expand(name, x, features),
            UnetUpsampling.Bilinear => builder.Apply(new Resample(ResampleKind.BilinearAligned, 2), x),
            _ => layers.Relu(layers.Convolve(
                name, builder.Apply(new Resample(ResampleKind.Nearest, 2), x), features, 2, ConvolutionWindow.Same(2), hasBias: true)),
        };
        int surplus = builder[skip].Shape[1] - builder[up].Shape[1];
        if (surplus > 0)
        {
            skip = builder.Apply(new Resample(ResampleKind.Crop, surplus / 2, surplus - surplus / 2), skip);
        }

        ValueId both = configuration.SkipsBehind ? builder.Apply(new Concat(), up, skip) : builder.Apply(new Concat(), skip, up);
        bool keepsChannels = configuration.Upsampling == UnetUpsampling.Bilinear;

        // Bilinear up-sampling keeps the channels, so the level halves them itself: first the sum to half, then to the level above.
        int first = keepsChannels ? builder[both].LastExtent / 2 : features;
        int second = keepsChannels && level > 0 ? features / 2 : features;
        return Block(layers, configuration, $"decoder{level + 1}", both, first, second);
    }

    /// <summary>Two 3x3 convolutions, each with normalisation or a bias, and ReLU.</summary>
    private static ValueId Block(UnetLayers layers, UnetConfiguration configuration, string name, ValueId x, int first, int second)
    {
        ConvolutionWindow window = configuration.IsPadded ? ConvolutionWindow.Same(3) : ConvolutionWindow.Valid;
        for (int i = 1; i <= 2; i++)
        {
            x = layers.Convolve($"{name}.conv{i}", x, i == 1 ? first : second, 3, window, hasBias: !configuration.Normalizes);
            x = configuration.Normalizes ? layers.Normalize($"{name}.norm{i}", x) : x;
            x = layers.Relu(x);
        }

        return x;
    }

    private static ValueId Drop(GraphBuilder builder, UnetConfiguration configuration, ValueId x, ValueId? sampleNumbers, int seed, int stream) =>
        sampleNumbers is { } numbers && configuration.DropoutRate > 0
            ? builder.Apply(new Dropout(configuration.DropoutRate, seed, stream), x, numbers)
            : x;
}
