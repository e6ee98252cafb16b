"""Powerset classes: they invert, and the order of the speakers does not matter."""

import itertools
import math

import torch

from tasks.diarization.segmentation.powerset import Powerset, permutation_invariant


def test_classes_invert() -> None:
    for speakers, at_once in ((3, 2), (4, 2), (3, 3), (2, 1)):
        powerset = Powerset(speakers, at_once)
        assert powerset.classes == sum(math.comb(speakers, k) for k in range(at_once + 1))
        classes = torch.arange(powerset.classes)
        active = powerset.decode(classes)
        assert len({tuple(row) for row in active.tolist()}) == powerset.classes
        assert int(active.sum(dim=1).max()) == at_once and not active[0].any()
        torch.testing.assert_close(powerset.encode(active), classes)
    # any shape, and a mark where too many speak
    powerset = Powerset()
    every = torch.tensor(list(itertools.product([False, True], repeat=3))).view(2, 4, 3)
    found = powerset.encode(every)
    assert found.shape == (2, 4) and found[1, 3] == -1 and int((found < 0).sum()) == 1
    torch.testing.assert_close(powerset.decode(found[found >= 0]), every[found >= 0])


def test_permuted_classes_are_those_of_renumbered_speakers() -> None:
    powerset = Powerset()
    for order, permuted in zip(powerset.orders, powerset.permuted, strict=True):
        renumbered = torch.zeros_like(powerset.members)
        renumbered[:, order] = powerset.members
        torch.testing.assert_close(powerset.encode(renumbered), permuted)


def test_the_loss_is_that_of_the_best_order() -> None:
    powerset, generator = Powerset(), torch.Generator().manual_seed(0)
    logits = torch.randn(4, 30, powerset.classes, generator=generator)
    classes = torch.randint(0, powerset.classes, (4, 30), generator=generator)
    mask = torch.rand(4, 30, generator=generator) > 0.2
    sums, ordered = permutation_invariant(logits, classes, mask, powerset)
    for row in range(4):
        costs = []
        for order in itertools.permutations(range(3)):
            active = powerset.decode(classes[row])[:, list(order)]
            own = torch.nn.functional.cross_entropy(
                logits[row], powerset.encode(active), reduction="none"
            )
            costs.append(float(own[mask[row]].sum()))
        torch.testing.assert_close(sums[row], torch.tensor(min(costs)))
        direct = torch.nn.functional.cross_entropy(
            logits[row][mask[row]], ordered[row][mask[row]], reduction="sum"
        )
        torch.testing.assert_close(sums[row], direct)
    turned = powerset.encode(powerset.decode(classes)[..., [2, 0, 1]])
    again, same = permutation_invariant(logits, turned, mask, powerset)
    torch.testing.assert_close(sums, again)
    torch.testing.assert_close(ordered, same)
