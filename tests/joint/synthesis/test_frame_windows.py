"""Windows of frames lie where they should, and every place is possible."""

import torch

from joint.synthesis.lengths import random_starts, window


def test_windows_begin_at_their_starts() -> None:
    frames = torch.arange(20.0).reshape(2, 10, 1)
    found = window(frames, torch.tensor([3, 8]), 4)
    assert found[..., 0].tolist() == [[3, 4, 5, 6], [18, 19, 19, 19]]


def test_every_place_is_possible_and_no_other() -> None:
    torch.manual_seed(0)
    lengths = torch.tensor([12, 10, 5])
    starts = torch.stack([random_starts(lengths, 10) for _ in range(100)])
    assert [sorted(set(column.tolist())) for column in starts.T] == [[0, 1, 2], [0], [0]]
