"""Cues of the speaker: where they stand, what they need, several at once."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from tiny_models import encode_with, noise_batch, tiny_encoder
from torch import Tensor

from joint.conditioning.frame_fusion import CrossAttentionFusion
from joint.conditioning.local_similarity import LocalSimilarity
from joint.conditioning.tf_map import TfMap
from joint.errors import ConfigError
from joint.model import JointModel, StreamBatch
from joint.outputs import SpeakerEncoding
from joint.training.building.model import Classes, build_model
from tasks.extraction.extractors.band_split.bands import Bands, band_widths
from tasks.extraction.extractors.band_split.places import places_of
from tasks.extraction.extractors.band_split.spectral_cue import SpectralCue
from tasks.extraction.extractors.bsrnn import SMALL_BANDS, BandSplitExtractor
from tasks.extraction.extractors.spectrum import Spectrum, level_of
from tasks.extraction.task import ExtractionTask

SIZE = {
    "features": 8,
    "depth": 4,
    "window": 512,
    "hop": 256,
    "bands": SMALL_BANDS,
    "mask_hidden": 8,
}
attend = partial(CrossAttentionFusion, frame_dim=32, heads=2)
similar = partial(LocalSimilarity, window=2400, step=1200)


def extractor(embedding_dim: int = 12, **keys: Any) -> BandSplitExtractor:
    torch.manual_seed(0)
    return BandSplitExtractor(embedding_dim, **{**SIZE, **keys})


def enrolled(count: int, lengths: Tensor | None = None) -> SpeakerEncoding:
    torch.manual_seed(1)
    waveform = 0.1 * torch.randn(count, 6000)
    own = torch.full((count,), 6000) if lengths is None else lengths
    waveform = waveform * (torch.arange(6000) < own[:, None])
    return SpeakerEncoding(torch.randn(count, 12), waveform=waveform, lengths=own)


@pytest.mark.parametrize(
    "chosen, places",
    [("once", (1,)), ("every", (1, 2, 3)), ([1, 3], (1, 3)), ([2], (2,))],
)
def test_places(chosen: Any, places: tuple[int, ...]) -> None:
    assert places_of("fuse", chosen, 1, 4) == places
    made = extractor(fuse=chosen, shared_blocks=1, contextual=attend, contextual_fuse=chosen)
    assert len(made.fusions) == len(made.contextual) == len(places)


@pytest.mark.parametrize("chosen", ["twice", [], [0, 3], [3, 1], [1, 1], [4], ["1"], 2])
def test_places_that_are_none(chosen: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"fuse: found .*; expected once, every, or blocks from 1"
    ):
        places_of("fuse", chosen, 1, 4)


def test_chosen_blocks_are_conditioned_and_no_others() -> None:
    """A speaker who is met before block 2 changes nothing before it."""
    made, seen = extractor(fuse=[2]).eval(), []
    for block in made.blocks:
        block.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    with torch.no_grad():
        made(0.1 * torch.randn(1, 6000), enrolled(2))
    same = [bool(torch.equal(x[0], x[1])) for x in seen]
    assert same == [True, True, False, False]


def test_without_any_cue() -> None:
    with pytest.raises(ConfigError, match="no cue of the speaker"):
        extractor(fusion=None)


def cue() -> SpectralCue:
    torch.manual_seed(0)
    spectrum = Spectrum(512, 256)
    layout = Bands(band_widths(spectrum.bins, SMALL_BANDS))
    return SpectralCue(TfMap(sharpness=100.0), layout, 8, spectrum, 0.3)


def test_the_enrolment_itself_in_the_mixture_is_expected_there() -> None:
    made, encoding = cue(), enrolled(1)
    assert encoding.waveform is not None
    mixture = made.spectrum(encoding.waveform / level_of(encoding.waveform))
    expected = made.expected(mixture, encoding)
    torch.testing.assert_close(expected, mixture.abs(), atol=0.1, rtol=0.1)


def test_padding_of_an_enrolment_is_ignored() -> None:
    made, mixture = cue(), torch.randn(3, 5000)
    own = torch.tensor([6000, 4100, 4096])
    encoding, spectrum = enrolled(3, own), made.spectrum(mixture)
    assert encoding.waveform is not None
    noisy = encoding.waveform + (encoding.waveform == 0) * torch.randn(3, 6000)
    together = made.expected(spectrum, replace(encoding, waveform=noisy))
    for i, length in enumerate(own):
        waveform = encoding.waveform[i : i + 1, :length]
        alone = SpeakerEncoding(encoding.embedding[:1], waveform=waveform, lengths=own[i : i + 1])
        found = made.expected(spectrum[i : i + 1], alone)
        torch.testing.assert_close(together[i : i + 1], found, atol=1e-4, rtol=1e-4)


CUES: dict[str, dict[str, Any]] = {
    "TF-Map": {"tf_map": TfMap()},
    "contextual": {"contextual": attend, "contextual_fuse": [1, 3]},
    "similarity": {"similarity": similar},
    "all": {
        "tf_map": TfMap(),
        "contextual": attend,
        "similarity": similar,
        "profile": True,
        "fuse": "every",
    },
}


def model_with(keys: dict[str, Any], **others: Any) -> JointModel:
    task = ExtractionTask(12, partial(BandSplitExtractor, **{**SIZE, **keys, **others}))
    torch.manual_seed(0)
    for name, parameter in task.named_parameters():
        if "merge" in name:
            torch.nn.init.normal_(parameter)
    encoder = tiny_encoder()
    assert (encoder.embedding_dim, encoder.frame_dim) == (12, 32)
    return JointModel(encoder, {"extraction": task})


@pytest.mark.parametrize("embedding", [True, False])
@pytest.mark.parametrize("keys", CUES.values(), ids=CUES.keys())
def test_cues_train_with_the_embedding_and_without(keys: dict[str, Any], embedding: bool) -> None:
    model = model_with(keys, shared_blocks=1, **({} if embedding else {"fusion": None}))
    output = model([StreamBatch(noise_batch(2, samples=6000), ["extraction"])], 0.5)
    output.loss.backward()
    assert output.loss.isfinite()
    for name, parameter in model.tasks.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("keys", CUES.values(), ids=CUES.keys())
def test_every_enrolment_has_its_own_cues(keys: dict[str, Any]) -> None:
    model = model_with(keys, shared_blocks=1, fusion=None).eval()
    batch, task = noise_batch(2, enrolled=2, samples=6000), model.task("extraction")
    assert isinstance(task, ExtractionTask)
    assert batch.enrollment is not None and batch.mixture is not None
    lengths = torch.tensor([[6000, 6000], [4500, 6000]])
    encode: Callable[..., SpeakerEncoding] = encode_with(model.encoder)
    with torch.no_grad():
        encoding = encode(batch.enrollment, lengths, "enrollment")
        together = task.estimate(encode, batch.mixture, encoding).waveform.view(2, 2, -1)
        assert not torch.allclose(together[:, 0], together[:, 1])
        for k in range(2):
            alone = encode(batch.enrollment[:, k], lengths[:, k], "enrollment")
            found = task.estimate(encode, batch.mixture, alone).waveform
            torch.testing.assert_close(together[:, k], found, atol=1e-4, rtol=1e-3)


def test_kept_embeddings_lack_what_cues_read() -> None:
    kept, mixture = SpeakerEncoding(torch.randn(1, 12)), torch.randn(1, 6000)
    for keys in (CUES["TF-Map"], CUES["contextual"]):
        with pytest.raises(ConfigError, match="found a kept embedding"):
            extractor(**keys)(mixture, kept)
    with pytest.raises(ConfigError, match="without the mixture's similarities"):
        extractor(similarity=similar)(mixture, kept)


ENCODER = {
    "_target_": "joint.encoders.encoder.SpeakerEncoder",
    "embedding_dim": 16,
    "frontend": {"_target_": "joint.encoders.frontends.filterbank.Filterbank", "bins": 40},
    "backbone": {
        "_target_": "joint.encoders.backbones.tdnn.XvectorTdnn",
        "features": 40,
        "channels": 16,
        "output_dim": 24,
    },
    "pooling": {
        "_target_": "joint.encoders.pooling.statistics.StatisticsPooling",
        "_partial_": True,
    },
}


def built(layer: str) -> JointModel:
    """The model of a recipe whose extractor names a layer, and no width."""
    contextual = {
        "_target_": "joint.conditioning.frame_fusion.CrossAttentionFusion",
        "_partial_": True,
        "heads": 2,
        "layer": layer,
    }
    node = {
        "_target_": "tasks.extraction.extractors.bsrnn.small_bsrnn",
        "_partial_": True,
        "features": 8,
        "depth": 2,
        "bottleneck": 8,
        "contextual": contextual,
    }
    task = {"_target_": "tasks.extraction.task.ExtractionTask", "extractor": node}
    tasks = {"extraction": {"task": task, "weight": 1.0, "encoder": "joint"}}
    return build_model(ENCODER, tasks, Classes(2))


def test_a_named_layer_of_the_encoder() -> None:
    model = built("tdnn2")
    assert model.layers == ("tdnn2",)
    output = model([StreamBatch(noise_batch(2), ["extraction"])], 0.5)
    assert output.loss.isfinite()


def test_a_layer_that_the_encoder_does_not_have() -> None:
    with pytest.raises(ConfigError, match="found block7; expected tdnn1 or tdnn2") as error:
        built("block7")
    assert "\n" not in str(error.value)
