"""Frames of the encoder at the moments of other frames."""

import pytest
import torch

from joint.conditioning.frame_fusion import at_frames
from joint.encoders.frames import Frames
from joint.outputs import Layer


@pytest.mark.parametrize("offset", [200, 520])
def test_frames_of_the_same_moment(offset: int) -> None:
    """Wherever either begins: the impulse lies at 200 + 20 · 160 samples."""
    impulse = torch.zeros(1, 3, 41)
    impulse[0, 0, 20] = 5.0
    layer = Layer(impulse, torch.ones(1, 41, dtype=torch.bool), 160, 200)
    found = at_frames(layer, Frames(torch.zeros(1, 11, 4), None, 640, offset))
    assert found.shape == (1, 11, 3)
    near = [f for f in range(11) if abs(offset + 640 * f - (200 + 20 * 160)) <= 320]
    assert torch.nonzero(found[0, :, 0]).flatten().tolist() == near
    assert float(found[0, near[0], 0]) == pytest.approx(1.0)


def test_moments_beyond_the_layer_have_its_last_frame() -> None:
    layer = Layer(torch.arange(4.0).view(1, 1, 4), torch.ones(1, 4, dtype=torch.bool), 160, 200)
    found = at_frames(layer, Frames(torch.zeros(1, 9, 1), None, 160, 200))
    assert found[0, :, 0].tolist() == [0, 1, 2, 3, 3, 3, 3, 3, 3]
