"""Pretrained transformers as front-ends: frames, masks and layers as of any other."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from tiny_pretrained import CONFIGS, LARGE, TINY_W2V_BERT, TINY_WAVLM, TINY_WHISPER
from torch import Tensor

from joint.encoders.backbones.linear import LinearBackbone
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.ssl.frontend import PretrainedFrontend
from joint.encoders.frontends.ssl.layers import WeightedSum
from joint.encoders.frontends.ssl.networks import (
    FilterbankNetwork,
    WaveformNetwork,
    WhisperNetwork,
)
from joint.encoders.pooling.statistics import StatisticsPooling

transformers = pytest.importorskip("transformers")


def frontend(config: dict[str, Any], **other: Any) -> PretrainedFrontend:
    torch.manual_seed(0)
    return PretrainedFrontend(config=config, **other).eval()


def encoder(config: dict[str, Any], **other: Any) -> SpeakerEncoder:
    return SpeakerEncoder(
        frontend(config, **other), LinearBackbone(16, 12), StatisticsPooling, 8
    ).eval()


@pytest.mark.parametrize("name", CONFIGS)
def test_padded_equals_alone(name: str, padded: tuple[Tensor, Tensor]) -> None:
    """In one batch where the architecture allows it, else one length at a time; normalised over
    time too."""
    made = encoder(CONFIGS[name], use=partial(WeightedSum, norm=True))
    exact = "large" in name or name == "w2v-BERT 2.0"
    assert made.frontend.network.exact_padding == exact
    waveform, lengths = padded
    with torch.no_grad():
        together = made(waveform, lengths, None)
        for i, length in enumerate(lengths.tolist()):
            alone = made(waveform[i : i + 1, :length], None, None)
            torch.testing.assert_close(
                together.embedding[i], alone.embedding[0], atol=1e-4, rtol=1e-4
            )
            assert int(together.frame_mask[i].sum()) == alone.frames.shape[2]
            for layer in alone.layers:
                own = together.layers[layer].features[i, :, together.layers[layer].mask[i]]
                expected = alone.layers[layer].features[0]
                torch.testing.assert_close(own, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "name, hop, offset, reach",
    [
        ("WavLM", 320, 200, 200),
        ("HuBERT, large", 320, 200, 200),
        ("w2v-BERT 2.0", 320, 280, 280),
        ("Whisper", 320, 0, 160),
    ],
)
def test_frames_know_where_they_are(name: str, hop: int, offset: int, reach: int) -> None:
    """As many as fit into the recording."""
    made = frontend(CONFIGS[name])
    assert (made.hop, made.offset) == (hop, offset)
    with torch.no_grad():
        frames = made(torch.randn(1, 8000), torch.tensor([8000]))
    last = offset + hop * (frames.features.shape[1] - 1)
    assert last + reach <= 8000 < last + hop + reach
    assert frames.layers.keys() == {"frontend_layer0", "frontend_layer1", "frontend_layer2"}


def test_a_frame_is_centred_on_the_samples_that_it_is_made_of() -> None:
    made = frontend(CONFIGS["HuBERT, large"])
    waveform = torch.randn(1, 8000, requires_grad=True)
    made.network.model.feature_extractor(waveform)[0, :, 10].sum().backward()
    assert waveform.grad is not None
    reached = waveform.grad[0].nonzero()
    assert int(reached.min() + reached.max() + 1) // 2 == made.offset + 10 * made.hop


def test_a_recording_shorter_than_a_frame_has_one() -> None:
    for name in ("WavLM", "WavLM, large", "w2v-BERT 2.0", "Whisper"):
        made = frontend(CONFIGS[name])
        with torch.no_grad():
            found = made(torch.randn(2, 300), torch.tensor([300, 90]))
        assert found.features.shape == (2, 1, 16) and bool(found.features.isfinite().all()), name


class TestAgainstTransformers:
    """What the models read, and what their layers give, is what transformers' own classes do."""

    @pytest.mark.parametrize("large", [False, True])
    def test_wavlm(self, speech: list[np.ndarray], large: bool) -> None:
        made = frontend({**TINY_WAVLM, **(LARGE if large else {})}, normalize=True)
        network = made.network
        assert isinstance(network, WaveformNetwork)
        reader = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
        read = reader(speech[0], sampling_rate=16_000, return_tensors="pt").input_values
        with torch.no_grad():
            found = network(torch.from_numpy(speech[0])[None])
            expected = network.model(read, output_hidden_states=True)
        assert len(found) == 3
        for own, other in zip(found[:-1], expected.hidden_states[:-1], strict=True):
            torch.testing.assert_close(own, other, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(found[-1], expected.last_hidden_state, atol=1e-5, rtol=1e-5)

    def test_w2v_bert(self, speech: list[np.ndarray]) -> None:
        network = frontend(TINY_W2V_BERT).network
        assert isinstance(network, FilterbankNetwork)
        lengths = torch.tensor([len(x) for x in speech])
        batch = torch.zeros(len(speech), int(lengths.max()))
        for row, x in zip(batch, speech, strict=True):
            row[: len(x)] = torch.from_numpy(x)
        found, mask = network.features(batch, lengths)
        assert mask is not None
        reader = transformers.SeamlessM4TFeatureExtractor()
        for i, x in enumerate(speech):
            read = reader(x, sampling_rate=16_000, return_tensors="pt", pad_to_multiple_of=1)
            expected = read.input_features[0, : int(mask[i].sum())]
            torch.testing.assert_close(found[i, mask[i]], expected, atol=2e-3, rtol=1e-3)

    def test_whisper(self, speech: list[np.ndarray]) -> None:
        network = frontend(TINY_WHISPER).network
        assert isinstance(network, WhisperNetwork)
        waveform = speech[0][:8000]  # what this tiny one takes for its 30 s
        reader = transformers.WhisperFeatureExtractor(chunk_length=0.5)
        read = reader(waveform, sampling_rate=16_000, return_tensors="pt").input_features
        own = network.features(torch.from_numpy(waveform)[None])
        torch.testing.assert_close(own, read, atol=1e-4, rtol=1e-4)
        with torch.no_grad():
            found = network(torch.from_numpy(waveform)[None])
            expected = network.model(read, output_hidden_states=True)
        torch.testing.assert_close(found[0], expected.hidden_states[0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found[-1], expected.last_hidden_state, atol=1e-4, rtol=1e-4)

    def test_whisper_longer_than_its_window(self, speech: list[np.ndarray]) -> None:
        network = frontend(TINY_WHISPER).network
        waveform = torch.from_numpy(np.tile(speech[0], 2))[None, :20_000]
        with torch.no_grad():
            found = network(waveform)[-1]
        assert found.shape == (1, 63, 16)


def test_frozen_keeps_no_graph() -> None:
    made = encoder(TINY_WAVLM)
    made.frontend.network.requires_grad_(False)
    encoding = made(0.1 * torch.randn(2, 8000), None, None)
    assert all(x.features.grad_fn is None for x in encoding.layers.values())
    encoding.embedding.sum().backward()
    scores = made.frontend.use.scores
    assert scores.grad is not None and scores.grad.abs().sum() > 0
    assert all(p.grad is None for p in made.frontend.network.parameters())


@pytest.mark.parametrize("name", CONFIGS)
def test_every_parameter_learns(name: str) -> None:
    """Parallel training wants a gradient of all that is there."""
    made = encoder(CONFIGS[name]).train()
    made(0.1 * torch.randn(2, 8000)).embedding.square().sum().backward()
    for part, parameter in made.named_parameters():
        assert parameter.grad is not None, part
        assert bool(parameter.grad.isfinite().all()), part


def test_nothing_is_drawn_from_numpy_in_training() -> None:
    """Its generators are not seeded by purpose."""
    made = frontend({**TINY_WAVLM, **LARGE, "mask_time_prob": 0.5, "mask_time_length": 2}).train()
    before = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    torch.manual_seed(1)
    first = made(torch.ones(1, 8000), torch.tensor([8000])).features
    torch.manual_seed(1)
    second = made(torch.ones(1, 8000), torch.tensor([8000])).features
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index,arg-type]
    assert torch.equal(first, second)


def test_gradients_through_groups_of_one_length(padded: tuple[Tensor, Tensor]) -> None:
    made = encoder(TINY_WAVLM)
    made(*padded).embedding.sum().backward()
    last = made.frontend.network.model.encoder.layers[1].feed_forward.output_dense.weight.grad
    assert last is not None and last.abs().sum() > 0
