"""Frames get the phone at their centre at any rate, segments the shares of their phones."""

import numpy as np
import pytest
import torch

from joint.data.phones import UNKNOWN
from joint.outputs import Layer
from tasks.phonetics.labels import frame_phones, phone_shares


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
@pytest.mark.parametrize("offset", [0, 200])
def test_the_phone_at_every_centre(stride: int, offset: int) -> None:
    rng = np.random.default_rng(stride)
    ends = np.cumsum(rng.integers(100, 4000, (3, 20)), axis=1)
    phones = rng.integers(0, 40, (3, 20))
    hop, frames = 160 * stride, 200 // stride
    mask = torch.arange(frames) < torch.tensor([frames, frames // 2, 3])[:, None]
    layer = Layer(torch.zeros(3, 5, frames), mask, hop, offset)
    labels = frame_phones(layer, torch.from_numpy(phones), torch.from_numpy(ends))
    for b in range(3):
        sample = np.repeat(phones[b], np.diff(np.concatenate([[0], ends[b]])))
        for f in range(frames):
            centre = offset + f * hop
            known = bool(mask[b, f]) and centre < len(sample)
            assert labels[b, f] == (sample[centre] if known else UNKNOWN)


def test_shares_count_what_is_spoken() -> None:
    phones = torch.tensor([[0, 1, 2, 1, 0], [0, -1, -1, -1, -1], [3, 2, 2, -1, -1]])
    ends = torch.tensor([[100, 200, 500, 600, 900], [50] * 5, [400, 500, 600, 600, 600]])
    shares = phone_shares(phones, ends, torch.tensor([900, 900, 500]), 4)
    expected = torch.tensor([[0, 0.4, 0.6, 0], [0, 0, 0, 0], [0, 0, 0.2, 0.8]])
    torch.testing.assert_close(shares, expected)
