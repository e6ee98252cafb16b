"""Branches that are folded give what they gave."""

import copy

import torch
from tiny_models import randomise

from joint.encoders.backbones.residual.repvgg import Branches, RepVggBlock, RepVggTinyA0, fold
from joint.encoders.frames import Frames


def test_folded_equals_unfolded() -> None:
    torch.manual_seed(0)
    model = RepVggTinyA0().eval()
    randomise(model)
    folded = copy.deepcopy(model)
    blocks = sum(isinstance(m, RepVggBlock) for m in model.modules())
    assert fold(folded) == blocks == 34
    assert not any(isinstance(m, Branches) for m in folded.modules())
    assert fold(folded) == 0
    mask = torch.ones(2, 120, dtype=torch.bool)
    mask[1, 90:] = False
    frames = Frames(torch.randn(2, 120, 80), mask)
    with torch.no_grad():
        before, after = model(frames)[0], folded(frames)[0]
    size = before.features.abs().max()
    assert size > 0.1
    assert torch.allclose(after.features, before.features, atol=1e-5 * float(size))
