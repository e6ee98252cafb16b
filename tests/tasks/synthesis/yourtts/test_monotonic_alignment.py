"""Monotonic alignment search finds the best of all paths."""

from itertools import combinations, pairwise

import pytest
import torch
from torch import Tensor

from tasks.synthesis.yourtts.alignment import log_likelihoods, most_likely_durations


def best_of_all(likelihoods: Tensor) -> tuple[float, list[int]]:
    """By trying every way to cut the frames of `(F, P)` into a piece for each phone."""
    frames, phones = likelihoods.shape
    best, found = float("-inf"), [0]
    for cuts in combinations(range(1, frames), phones - 1):
        ends = (0, *cuts, frames)
        durations = [b - a for a, b in pairwise(ends)]
        spoken = torch.arange(phones).repeat_interleave(torch.tensor(durations))
        total = float(likelihoods[torch.arange(frames), spoken].sum())
        if total > best:
            best, found = total, durations
    return best, found


@pytest.mark.parametrize("seed", range(5))
def test_the_best_path_of_all(seed: int) -> None:
    lengths = [(9, 4), (6, 6), (5, 1), (8, 3)]
    likelihoods = torch.randn(4, 9, 6, generator=torch.Generator().manual_seed(seed))
    frames, phones = torch.tensor(lengths).unbind(dim=1)
    found = most_likely_durations(likelihoods, frames, phones)
    for row, (length, count) in enumerate(lengths):
        _, expected = best_of_all(likelihoods[row, :length, :count])
        assert found[row].tolist() == expected + [0] * (6 - count)


def test_likelihoods_are_those_of_gaussians() -> None:
    rng = torch.Generator().manual_seed(0)
    z, mean, log_scale = (torch.randn(2, 5, n, generator=rng) for n in (7, 3, 3))
    found = log_likelihoods(z, mean, log_scale)
    phones = torch.distributions.Normal(mean[:, None], log_scale[:, None].exp())
    expected = phones.log_prob(z.transpose(1, 2)[..., None]).sum(dim=2)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_clear_likelihoods_give_their_durations() -> None:
    durations = torch.tensor([[3, 1, 5, 2], [4, 4, 1, 0]])
    frames = durations.sum(dim=1)
    means = torch.randn(2, 8, 4, generator=torch.Generator().manual_seed(1))
    z = torch.zeros(2, 8, int(frames.max()))
    for row in range(2):
        z[row, :, : frames[row]] = means[row].repeat_interleave(durations[row], dim=1)
    likelihoods = log_likelihoods(z, means, torch.full_like(means, -1.0))
    found = most_likely_durations(likelihoods, frames, (durations > 0).sum(dim=1))
    assert torch.equal(found, durations)
