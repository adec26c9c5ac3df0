using RduEmu.Compiler.Graphs;

namespace RduEmu.Emulator.Checks;

/// <summary>Values compared as bits; every NaN of a float32 equals any other, as payloads are not part of the contract.</summary>
public static class BitsOf
{
    private const int CanonicalNaN = 0x7FC00000;

    /// <returns>The first element that is not the same in both, or null.</returns>
    public static int? FirstUnequal(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        for (int i = 0; i < a.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(a[i]) != BitConverter.SingleToInt32Bits(b[i]) && !(float.IsNaN(a[i]) && float.IsNaN(b[i])))
            {
                return i;
            }
        }

        return null;
    }

    /// <summary>A word as it is compared.</summary>
    public static int Canonical(ElementType element, int word) =>
        element == ElementType.Float32 && float.IsNaN(BitConverter.Int32BitsToSingle(word)) ? CanonicalNaN : word;

    /// <summary>The element that a word belongs to: of two in one word the first that differs.</summary>
    /// <param name="type">The value's.</param>
    /// <param name="word">Which word.</param>
    /// <param name="a">The word in one.</param>
    /// <param name="b">In the other.</param>
    public static long Element(TensorType type, long word, int a, int b) =>
        type.IsPaired ? 2 * word + ((short)a == (short)b ? 1 : 0) : word / type.Element.WordsPerElement();

    /// <summary>Compares some words of each row of two values of one type.</summary>
    /// <param name="element">What the words are.</param>
    /// <param name="a">All words of one.</param>
    /// <param name="b">All words of the other.</param>
    /// <param name="rowWords">Words of a row.</param>
    /// <param name="firstWord">The first word of a row that counts.</param>
    /// <param name="countWords">How many count.</param>
    /// <returns>The first word that is not the same in both, or null.</returns>
    public static long? FirstUnequal(ElementType element, ReadOnlySpan<int> a, ReadOnlySpan<int> b, int rowWords, int firstWord, int countWords)
    {
        for (int row = 0; row + rowWords <= a.Length && rowWords > 0; row += rowWords)
        {
            for (int word = row + firstWord; word < row + firstWord + countWords; word++)
            {
                if (Canonical(element, a[word]) != Canonical(element, b[word]))
                {
                    return word;
                }
            }
        }

        return null;
    }
}
