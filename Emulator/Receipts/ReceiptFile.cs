using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using RduEmu.Kernels.Errors;

namespace RduEmu.Emulator.Receipts;

/// <summary>
/// A receipt as JSON, under a seal: the SHA-256 of all the rest. The seal shows that a file was changed by chance or by hand; whoever
/// makes a new one is found out by repeating the run.
/// </summary>
public static class ReceiptFile
{
    private const string SealName = "seal";

    private static readonly JsonSerializerOptions Plain = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static JsonObject ToJson(Receipt receipt)
    {
        // Through text, so that numbers are compared as a file has them.
        JsonObject json = JsonNode.Parse(JsonSerializer.SerializeToUtf8Bytes(receipt, Plain))!.AsObject();
        json[SealName] = SealOf(json);
        return json;
    }

    public static byte[] ToBytes(Receipt receipt) => [.. Encoding.UTF8.GetBytes(ToJson(receipt).ToJsonString(Indented)), (byte)'\n'];

    /// <exception cref="RduException">RDU0101: there is no such file. RDU0701: it is no receipt.</exception>
    public static JsonObject Read(string path)
    {
        try
        {
            if (JsonNode.Parse(File.ReadAllBytes(path)) is JsonObject json && json["contract"] is JsonValue && json["arguments"] is JsonArray && json[SealName] is JsonValue)
            {
                return json;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RduException(ErrorCatalogue.FileMissing, path, "a readable receipt", error.Message, "correct the path");
        }
        catch (JsonException error)
        {
            throw NoReceipt(path, error.Message);
        }

        throw NoReceipt(path, "JSON without contract, arguments and seal");
    }

    /// <summary>True if nothing was changed since the seal was set.</summary>
    public static bool IsSealed(JsonObject receipt) => receipt[SealName]?.ToString() == SealOf(receipt);

    /// <summary>Sets the seal anew.</summary>
    public static void Seal(JsonObject receipt) => receipt[SealName] = SealOf(receipt);

    private static string SealOf(JsonObject receipt)
    {
        JsonObject rest = receipt.DeepClone().AsObject();
        rest.Remove(SealName);
        return $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(rest.ToJsonString())))}";
    }

    private static RduException NoReceipt(string path, string got) =>
        new(ErrorCatalogue.ReceiptMalformed, path, "a receipt that run or train has written", got, "write one by --receipt");
}
