namespace RduEmu.Emulator.Fabric;

/// <summary>What went from one RDU to another.</summary>
/// <param name="From">The RDU that sent.</param>
/// <param name="To">The RDU that took.</param>
/// <param name="IsInNode">False if it went from node to node.</param>
/// <param name="Messages">How many messages.</param>
/// <param name="Bytes">Their bytes.</param>
public sealed record LinkTraffic(int From, int To, bool IsInNode, long Messages, long Bytes);
