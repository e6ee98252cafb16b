"""Random streams by purpose: adding one changes no other."""

import torch

from joint.seeding import seed_for, seeded


def test_a_purpose_has_its_own_seed() -> None:
    purposes = [("init", "encoder"), ("init", "head"), ("step", 1), ("step", 11), ("step", 1, 1)]
    seeds = {seed_for(seed, *purpose) for seed in (0, 1) for purpose in purposes}
    assert len(seeds) == 2 * len(purposes)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_for(1, "init", "encoder") == seed_for(1, "init", "encoder")


def test_the_outside_does_not_notice() -> None:
    torch.manual_seed(3)
    undisturbed = torch.rand(3)
    torch.manual_seed(3)
    with seeded(0, "init", "head"):
        first = torch.rand(2)
    assert torch.equal(torch.rand(3), undisturbed)
    with seeded(0, "init", "head"):
        assert torch.equal(torch.rand(2), first)
