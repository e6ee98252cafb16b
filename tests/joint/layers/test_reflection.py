"""A waveform continued by its mirror image."""

import torch

from joint.layers.reflection import reflected


def test_reflected_at_its_own_end() -> None:
    ramp = torch.arange(6.0)[None].repeat(2, 1)
    found = reflected(ramp, torch.tensor([6, 3]), 2)
    assert found[0].tolist() == [2, 1, 0, 1, 2, 3, 4, 5, 4, 3]
    assert found[1].tolist()[:7] == [2, 1, 0, 1, 2, 1, 0]


def test_a_waveform_shorter_than_its_continuation_goes_back_and_forth() -> None:
    found = reflected(torch.arange(3.0)[None], torch.tensor([3]), 5)
    assert found[0].tolist() == [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]
