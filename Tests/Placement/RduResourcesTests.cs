using NUnit.Framework;
using RduEmu.Compiler.Placement.Machine;

namespace RduEmu.Tests.Placement;

public sealed class RduResourcesTests
{
    [Test]
    public void IsPcu_CheckerboardOfATile_HalfPcusHalfPmus()
    {
        RduResources chip = Chips.Small;
        int pcus = 0;
        for (int row = 0; row < chip.GridRows; row++)
        {
            for (int column = 0; column < chip.GridColumns; column++)
            {
                pcus += RduResources.IsPcu(new Site(row, column)) ? 1 : 0;
            }
        }

        Assert.That(pcus, Is.EqualTo(chip.PcusPerTile));
        Assert.That(pcus + chip.PmusPerTile, Is.EqualTo(chip.GridRows * chip.GridColumns));
    }

    [TestCase(1, 1)]
    [TestCase(2, 2)]
    [TestCase(3, 2)]
    [TestCase(4, 4)]
    public void WithTiles_SomeOfFour_TheLargestRectangle(int tiles, int expected) =>
        Assert.That(Chips.Sn10.WithTiles(tiles).Tiles, Is.EqualTo(expected));

    [Test]
    public void DramBytesPerCycle_128GigabytesAtOneGigahertz_128BytesACycle() =>
        Assert.That(Chips.Sn10.DramBytesPerCycleTimes256, Is.EqualTo(128 * 256));
}
