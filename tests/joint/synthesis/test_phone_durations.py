"""Durations sum to the frames whatever the alignment, and features are repeated by them."""

import pytest
import torch
from torch import Tensor

from joint.data.phones import UNKNOWN
from joint.synthesis.lengths import SHORTEST_PAUSE, frames_mask, regulate, timed_phones
from joint.synthesis.mel import HOP, frames_of

ROWS = 6


def alignment(seed: int) -> tuple[Tensor, Tensor, Tensor, list[int]]:
    """Phones of several recordings whose times have gaps and overlaps, are out of order, shorter
    than a frame, or beyond the end; no row has more phones than frames."""
    rng = torch.Generator().manual_seed(seed)
    lengths = torch.randint(4_000, 60_000, (ROWS,), generator=rng).tolist()
    counts = [int(torch.randint(1, min(40, frames_of(n)), (), generator=rng)) for n in lengths]
    phones = torch.full((ROWS, max(counts)), UNKNOWN)
    starts, ends = phones.clone(), phones.clone()
    for row, (length, count) in enumerate(zip(lengths, counts, strict=True)):
        phones[row, :count] = torch.randint(1, 40, (count,), generator=rng)
        place = (1.3 * length * torch.rand(count, generator=rng)).sort().values
        jitter = 900.0 * torch.randn(count, generator=rng)
        starts[row, :count] = (place + jitter).clamp(min=0).long()
        spans = torch.randint(1, 3_000, (count,), generator=rng)
        ends[row, :count] = starts[row, :count] + spans
    return phones, starts, ends, lengths


@pytest.mark.parametrize("seed", range(40))
def test_durations_sum_to_the_frames(seed: int) -> None:
    phones, starts, ends, lengths = alignment(seed)
    timed = timed_phones(phones, starts, ends, lengths)
    assert timed.durations.sum(dim=1).tolist() == [frames_of(n) for n in lengths]
    assert (timed.durations[timed.mask] >= 1).all()
    assert not timed.durations[~timed.mask].any()
    for given, found in zip(phones, timed.phones, strict=True):
        spoken = found[found > 0]
        assert torch.equal(spoken, given[given != UNKNOWN])
        silent = (found == 0).int()
        assert not (silent[1:] * silent[:-1]).any()  # one pause, however it came to be


def test_a_phone_for_every_frame() -> None:
    """The tightest row that is allowed, each phone at one place."""
    frames = 9
    phones = torch.arange(1, frames + 1)[None]
    place = torch.full_like(phones, 5 * HOP)
    timed = timed_phones(phones, place, place + 10, [(frames - 1) * HOP])
    assert timed.durations.tolist() == [[1] * frames]


def test_times_are_kept_where_they_can_be() -> None:
    phones = torch.tensor([[5, 6, 7, 8, UNKNOWN]])
    # a pause of 10 frames, 5, a short gap, 6, 7 at once, a pause, 8 beyond the end of 50 frames
    starts = HOP * torch.tensor([[10, 22, 30, 40, UNKNOWN]])
    ends = HOP * torch.tensor([[20, 30, 35, 90, UNKNOWN]])
    timed = timed_phones(phones, starts, ends, [49 * HOP + 60])
    assert timed.phones.tolist() == [[0, 5, 6, 7, 0, 8]]
    assert timed.durations.tolist() == [[10, 12, 8, 5, 5, 10]]
    assert SHORTEST_PAUSE == 3  # the gap of two frames went to the phone before it


@pytest.mark.parametrize("seed", range(5))
def test_regulation_is_repetition(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    durations = torch.randint(0, 6, (4, 12), generator=rng)
    durations[0, 5:] = 0
    durations[1, 0] = 0
    features = torch.randn(4, 12, 3, generator=rng)
    found = regulate(features, durations)
    own = frames_mask(durations)
    assert own.sum(dim=1).tolist() == durations.sum(dim=1).tolist()
    for row in range(4):
        expected = features[row].repeat_interleave(durations[row], dim=0)
        assert torch.equal(found[row, : len(expected)], expected)
        assert not found[row, len(expected) :].any()
    longer = regulate(features, durations, found.shape[1] + 7)
    assert torch.equal(longer[:, : found.shape[1]], found) and not longer[:, -7:].any()


def test_gradients_are_summed_over_the_frames() -> None:
    features = torch.zeros(1, 3, 1, requires_grad=True)
    regulate(features, torch.tensor([[2, 0, 5]])).sum().backward()
    assert features.grad is not None
    assert features.grad.flatten().tolist() == [2.0, 0.0, 5.0]
