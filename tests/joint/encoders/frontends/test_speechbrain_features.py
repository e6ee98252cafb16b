"""SpeechBrain's filterbank: its numbers for a recording alone, and the same in a padded batch."""

import sys

import numpy as np
import pytest
import torch
from speechbrain.lobes.features import Fbank
from speechbrain.processing.features import InputNormalization
from torch import Tensor

from joint.encoders.backbones.tdnn import XvectorTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.speechbrain import SpeechBrainFilterbank
from joint.encoders.pooling.statistics import StatisticsPooling
from joint.errors import ConfigError
from joint.training.building.objects import build


def reference(waveform: Tensor, bins: int) -> Tensor:
    """What SpeechBrain makes of one recording `(S,)`: `(F, bins)`."""
    norm = InputNormalization(norm_type="sentence", std_norm=False)
    features: Tensor = norm(Fbank(n_mels=bins)(waveform[None]), torch.ones(1))
    return features[0]


@pytest.mark.parametrize("bins", [80, 24])
def test_equals_speechbrain(
    speech: list[np.ndarray], padded: tuple[Tensor, Tensor], bins: int
) -> None:
    frames = SpeechBrainFilterbank(bins)(*padded)
    assert frames.mask is not None
    assert frames.mask.sum(1).tolist() == [1 + n // 160 for n in padded[1].tolist()]
    for row, mask, waveform in zip(frames.features, frames.mask, speech, strict=True):
        expected = reference(torch.from_numpy(waveform), bins)
        torch.testing.assert_close(row[mask], expected, atol=1e-4, rtol=0)
        assert (row[~mask] == 0).all()


def test_what_lies_beyond_the_end_decides_no_floor() -> None:
    """A click on the last sample is loudest in a window that is none of the recording's own."""
    torch.manual_seed(0)
    length = 3200 + 159
    waveform = torch.zeros(1, 6400)
    waveform[0, :length] = 3e-6 * torch.randn(length)
    waveform[0, length - 1] = 1.0
    frames = SpeechBrainFilterbank(24)(waveform, torch.tensor([length]))
    expected = reference(waveform[0, :length], 24)
    assert (reference(waveform[0], 24)[: len(expected)] - expected).abs().max() > 1.0
    torch.testing.assert_close(frames.features[0, : len(expected)], expected, atol=1e-4, rtol=0)


def test_no_mask_where_lengths_agree() -> None:
    frames = SpeechBrainFilterbank(24)(torch.randn(2, 4800), torch.tensor([4800, 4800]))
    assert frames.mask is None and frames.features.shape == (2, 31, 24)


def test_the_first_frame_is_centred_on_the_first_sample(padded: tuple[Tensor, Tensor]) -> None:
    encoder = SpeakerEncoder(SpeechBrainFilterbank(24), XvectorTdnn(24, 8, 8), StatisticsPooling)
    layer = encoder.eval()(*padded, layers=("tdnn1",)).layers["tdnn1"]
    assert (layer.hop, layer.offset) == (160, 0)


def test_it_learns_and_keeps_nothing() -> None:
    frontend = SpeechBrainFilterbank(24)
    assert not list(frontend.parameters()) and not frontend.state_dict()


def test_bf16_does_not_reach_it(padded: tuple[Tensor, Tensor]) -> None:
    frontend = SpeechBrainFilterbank(24)
    with torch.autocast("cpu", torch.bfloat16):
        inside = frontend(*padded).features
    assert torch.equal(inside, frontend(*padded).features)


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "speechbrain.lobes.features", None)
    node = {"_target_": "joint.encoders.frontends.speechbrain.SpeechBrainFilterbank"}
    with pytest.raises(ConfigError, match="found no such package; expected the extra"):
        build(node, "encoder.frontend")
