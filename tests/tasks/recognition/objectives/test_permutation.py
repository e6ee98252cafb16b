"""The permutation that is chosen is the one that trying all of them finds."""

from itertools import permutations

import pytest
import torch

from joint.errors import ConfigError
from joint.losses.ctc import alignable
from tasks.recognition.objectives.permutation import best_permutation


@pytest.mark.parametrize("speakers", [1, 2, 3, 4])
def test_as_brute_force(speakers: int) -> None:
    torch.manual_seed(speakers)
    losses = torch.rand(20, speakers, speakers)
    least, chosen = best_permutation(losses)
    for row in range(20):
        tried = {
            order: sum(float(losses[row, i, j]) for i, j in enumerate(order)) / speakers
            for order in permutations(range(speakers))
        }
        best = min(tried, key=lambda order: tried[order])
        assert tuple(chosen[row].tolist()) == best
        assert float(least[row]) == pytest.approx(tried[best], abs=1e-6)


def test_the_gradient_reaches_the_chosen_pairs_alone() -> None:
    losses = torch.tensor([[[1.0, 5.0], [4.0, 2.0]]], requires_grad=True)
    best_permutation(losses)[0].sum().backward()
    assert losses.grad is not None
    assert losses.grad[0].tolist() == [[0.5, 0.0], [0.0, 0.5]]


def test_pairs_that_do_not_fit_are_avoided() -> None:
    """A loss of 0 for want of an alignment is no reason to choose a pair."""
    losses = torch.tensor([[[0.0, 5.0], [4.0, 9.0]]])
    fits = torch.tensor([[[False, True], [True, True]]])
    assert best_permutation(losses)[1].tolist() == [[0, 1]]
    least, chosen = best_permutation(losses, fits)
    assert chosen.tolist() == [[1, 0]] and least.tolist() == [4.5]
    least, chosen = best_permutation(losses, torch.zeros_like(fits))
    assert least.tolist() == [4.5]
    frames, targets = torch.tensor([3, 3, 2, 0]), torch.tensor([[1, 1], [1, 1], [1, 2], [1, 1]])
    counts = torch.tensor([2, 1, 2, 0])
    assert alignable(frames, targets, counts).tolist() == [True, True, True, True]
    assert alignable(frames - 1, targets, counts).tolist() == [False, True, False, False]


def test_other_numbers_of_speakers() -> None:
    with pytest.raises(ConfigError, match="3 sources"):
        best_permutation(torch.rand(1, 2, 3))
    with pytest.raises(ConfigError, match="6 at most"):
        best_permutation(torch.rand(1, 7, 7))
