"""What looks at the encoder's frames: those of the same moment, and those of an enrolment."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from joint.conditioning.frame_fusion import CrossAttentionFusion, FrameFusion, at_frames
from joint.conditioning.fusion import layers_of
from joint.encoders.frames import Frames
from joint.errors import ConfigError
from joint.outputs import Layer, SpeakerEncoding


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


WIDTHS = {"block1": 5, "block2": 7}


def width(name: str) -> int:
    return WIDTHS[name]


def attention(**keys: Any) -> CrossAttentionFusion:
    """One that is trained."""
    torch.manual_seed(0)
    made = CrossAttentionFusion(8, 10, 12, **keys)
    torch.nn.init.normal_(made.merge.weight)
    return made


def enrolled(count: int = 3, frames: int = 9) -> SpeakerEncoding:
    """Enrolments of fewer frames each."""
    torch.manual_seed(1)
    own = torch.arange(frames)[None] < frames - 2 * torch.arange(count)[:, None]
    layers = {
        name: Layer(torch.randn(count, size, frames), own, 160, 200)
        for name, size in WIDTHS.items()
    }
    frame = torch.randn(count, 12, frames)
    return SpeakerEncoding(torch.randn(count, 10), frame, own, layers=layers)


def cut(encoding: SpeakerEncoding, row: int) -> SpeakerEncoding:
    """One row without its padding."""
    assert encoding.frames is not None and encoding.frame_mask is not None
    count = int(encoding.frame_mask[row].sum())
    layers = {
        name: replace(
            layer,
            features=layer.features[row : row + 1, :, :count],
            mask=layer.mask[row : row + 1, :count],
        )
        for name, layer in encoding.layers.items()
    }
    return SpeakerEncoding(
        encoding.embedding[row : row + 1],
        encoding.frames[row : row + 1, :, :count],
        encoding.frame_mask[row : row + 1, :count],
        layers=layers,
    )


@pytest.mark.parametrize("multiply", [False, True])
@pytest.mark.parametrize("layer", [None, "block2"])
@pytest.mark.parametrize("shape", [(3, 5, 8), (3, 5, 4, 8)], ids=str)
def test_attention_does_not_see_padding(
    shape: tuple[int, ...], layer: str | None, multiply: bool
) -> None:
    fusion = attention(layer=layer, layer_dim=width, multiply=multiply)
    features, encoding = torch.randn(shape), enrolled()
    together = fusion(features, encoding)
    assert together.shape == shape and not torch.allclose(together, features)
    for row in range(3):
        alone = fusion(features[row : row + 1], cut(encoding, row))
        torch.testing.assert_close(together[row : row + 1], alone)


def test_bands_attend_each_by_itself() -> None:
    fusion, features, encoding = attention(), torch.randn(3, 5, 4, 8), enrolled()
    together = fusion(features, encoding)
    for band in range(4):
        torch.testing.assert_close(together[:, :, band], fusion(features[:, :, band], encoding))


@pytest.mark.parametrize("multiply", [False, True])
def test_untrained_attention_changes_nothing(multiply: bool) -> None:
    features = torch.randn(3, 5, 8)
    fusion = CrossAttentionFusion(8, 10, 12, multiply=multiply)
    assert fusion(features, enrolled()).equal(features)


def test_layers_that_are_read_are_known() -> None:
    both = torch.nn.ModuleList([attention(), attention(layer="block2", layer_dim=width)])
    assert layers_of(both) == {"block2"} and layers_of(both[0]) == set()


def test_a_layer_s_width_may_be_asked_for() -> None:
    assert FrameFusion(8, "block1", width).norm.normalized_shape == (5,)
    assert FrameFusion(8, "block1", 6).norm.normalized_shape == (6,)


def test_encodings_without_what_is_attended_to() -> None:
    fusion, features = attention(layer="block1", layer_dim=width), torch.randn(3, 5, 8)
    kept = SpeakerEncoding(torch.randn(3, 10))
    with pytest.raises(ConfigError, match="an enrolment's recording"):
        fusion(features, kept)
    others = replace(enrolled(), layers={})
    with pytest.raises(ConfigError, match="fusion: found no layer; expected the encoder's layer"):
        fusion(features, others)
    with pytest.raises(ConfigError, match="frame_dim: found 12; expected 5, the encoder's"):
        attention(layer="block1")(features, enrolled())
