using NUnit.Framework;

namespace RduEmu.Tests.CommandLine;

/// <summary>
/// The bits of some trainings and inferences, written down: a change that makes kernels faster must leave them. Whoever changes an order
/// of summation on purpose, in docs/numerics.md, writes the new ones down here.
/// </summary>
[TestFixture, NonParallelizable]
public sealed class PinnedDigestTests
{
    [TestCase("dlrm --preset tiny --steps 40 --batch 64", "cd920c80ebfdb68f436a79e9efa2e8b25d760c90986eb2c0f5a137ec8b40a0d6")]
    [TestCase("dlrm --preset kaggle --table-rows-cap 200 --steps 6 --batch 192", "25c07712762b3f52a432e37a2df0b0bcab3b1530f9a2fac5eb71054be9544839")]
    [TestCase(
        "bert --preset tiny --layers 1 --hidden 64 --vocabulary 500 --tokens 32 --batch 8 --steps 4 --learning-rate 0.001 --optimizer adamw",
        "b2225a2991e772d0e1f666abe4981aad5da225951236a4a294fa182fad4df47a")]
    [TestCase(
        "unet --preset sn10 --features 4 --image 48 --batch 2 --steps 3 --learning-rate 0.001 --optimizer adam --loss dice-bce --augment flips",
        "6c964344734cab474348408b67166789e58f189a403efb9a4ee6cdeb9b8f93ef")]
    public void Training_GivesTheWeightsThatItAlwaysGave(string arguments, string weights)
    {
        Cli run = Cli.Run(["train", .. arguments.Split(' '), "--json"]);

        Assert.That(run.Json.GetProperty("weightsDigest").GetString(), Is.EqualTo($"sha256:{weights}"));
    }

    [TestCase("dlrm --preset tiny --steps 4 --batch 33", "cc4fa4f9e2ee78fc6a4615626e1c00cb82f3eed0d433512c61fe9c9dac742764")]
    [TestCase("bert --preset tiny --tokens 32 --batch 3 --steps 2", "94e10f3e5c162d5e77306e37871371995d382e966f6759faea57f4d33cea6d5a")]
    [TestCase("unet --preset sn10 --features 16 --image 96 --batch 1 --steps 2", "6e6b10279c7113dbcd6f6dea59f04fcf745b450e291c78aeaad7b86369346860")]
    [TestCase("unet --preset milesial --features 8 --image 64 --batch 1 --steps 2", "6065555c7efc7dd6326c466212414765cef8d7e88c5f494ef36a572667c449a1")]
    public void Inference_GivesTheOutputsThatItAlwaysGave(string arguments, string outputs)
    {
        Cli run = Cli.Run(["run", .. arguments.Split(' '), "--json"]);

        Assert.That(run.Json.GetProperty("outputsDigest").GetString(), Is.EqualTo($"sha256:{outputs}"));
    }
}
