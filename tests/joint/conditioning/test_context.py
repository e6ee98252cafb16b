"""Context: every position finds its own part of the enrolment, and padding none."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from joint.conditioning.context import ContextFusion
from joint.conditioning.fusion import (
    AddFusion,
    ConcatFusion,
    EmbeddingFusion,
    MultiplyFusion,
    layers_of,
)
from joint.errors import ConfigError
from joint.outputs import Layer, SpeakerEncoding


def enrolled(frames: int = 7, fill: float = 0.0) -> SpeakerEncoding:
    """Two people whose layer has `frames` frames, of which the second has five; `fill` behind."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, 10, 7, generator=generator)[:, :, :frames]
    mask = torch.ones(2, frames, dtype=torch.bool)
    mask[1, 5:] = False
    features = features.masked_fill(~mask[:, None], fill)
    layers = {"block3": Layer(features, mask, 160, 0)}
    return SpeakerEncoding(torch.zeros(2, 12), features, mask, layers=layers)


def made(kind: type[EmbeddingFusion] = MultiplyFusion) -> ContextFusion:
    torch.manual_seed(0)
    return ContextFusion(6, 12, "block3", 10, partial(kind, norm=False)).eval()


@pytest.mark.parametrize("kind", [MultiplyFusion, AddFusion, ConcatFusion])
def test_each_position_attends_by_itself(kind: type[EmbeddingFusion]) -> None:
    fusion, features = made(kind), torch.randn(2, 5, 4, 6)
    found = fusion(features, enrolled())
    assert found.shape == features.shape
    other = features.clone()
    other[:, 0] += 1.0
    again = fusion(other, enrolled())
    torch.testing.assert_close(again[:, 1:], found[:, 1:])
    assert not torch.allclose(again[:, 0], found[:, 0])


def test_padding_is_not_attended_to() -> None:
    fusion, features = made(), torch.randn(2, 5, 6)
    zeros, ones = (fusion(features, enrolled(fill=fill)) for fill in (0.0, 1.0))
    torch.testing.assert_close(zeros, ones)
    shorter = enrolled(5)
    alone = replace(shorter, layers=shorter.layers)
    torch.testing.assert_close(fusion(features, alone)[1], zeros[1])


def test_the_layer_is_asked_for_and_missed() -> None:
    assert layers_of(made()) == {"block3"}
    with pytest.raises(ConfigError, match="block3"):
        made()(torch.randn(2, 5, 6), replace(enrolled(), layers={}))
    with pytest.raises(ConfigError, match="heads"):
        ContextFusion(7, 12, "block3", 10, MultiplyFusion)
