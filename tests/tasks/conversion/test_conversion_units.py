"""Units: the clusters that are there, under any seed; a codebook fits its layer or is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from sklearn.metrics import adjusted_mutual_info_score
from tiny_models import tiny_encoder

from joint.data.opening import open_corpus
from joint.encoders.view import EncoderView
from joint.errors import ConfigError, DataError
from joint.synthesis.mel import HOP
from tasks.conversion.content.features import EncoderLayer, at_mel_frames
from tasks.conversion.content.units import UnitContent
from tasks.conversion.units import Codebook, fit_units, frames_of_layer, speech_of

LAYER = "tdnn2"


def clusters(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """2000 frames of 12 clusters, and whose each is."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(12, size=2000)
    frames = 4.0 * rng.standard_normal((12, 8))[kind] + rng.standard_normal((2000, 8))
    return frames.astype(np.float32), kind


def units_of(frames: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    return np.square(frames[:, None] - centroids[None]).sum(axis=2).argmin(axis=1)


def test_units_are_stable_under_seeds() -> None:
    frames, kind = clusters()
    found = [fit_units(frames, 12, seed) for seed in (0, 0, 1, 2)]
    np.testing.assert_array_equal(found[0], found[1])
    chosen = [units_of(frames, centroids) for centroids in found]
    for one, other in ((0, 2), (0, 3), (2, 3)):
        assert adjusted_mutual_info_score(chosen[one], chosen[other]) > 0.9
    assert adjusted_mutual_info_score(chosen[0], kind) > 0.9
    with pytest.raises(DataError, match="found 5; expected 12"):
        fit_units(frames[:5], 12)


def test_a_codebook_of_the_encoder_s_layer(aligned: Path, tmp_path: Path) -> None:
    corpus = open_corpus(aligned)
    encode = EncoderView(tiny_encoder().eval(), "frozen", layers=(LAYER,))
    features = EncoderLayer(LAYER, lambda name: 16)
    frames = frames_of_layer(corpus.utterances[:4], features, encode)
    assert frames.shape[1] == 16 and abs(float(frames.mean())) < 0.1
    path = tmp_path / "units.safetensors"
    Codebook(fit_units(frames, 20), features.name).save(path)
    content = UnitContent(features, str(path), 20, 8)
    content.setup(corpus)
    speech = speech_of(torch.from_numpy(corpus.utterances[5].waveform()), encode)
    chosen = content.index(speech)[0].numpy()
    own = frames_of_layer(corpus.utterances[5:6], features, encode)
    np.testing.assert_array_equal(chosen[::3], units_of(own, content.centroids.numpy()))
    assert len(np.unique(chosen)) > 10
    kept = content.centroids.clone()
    path.unlink()
    content.setup(corpus)  # a checkpoint has brought them
    assert torch.equal(content.centroids, kept)


def test_what_does_not_fit_is_refused(aligned: Path, tmp_path: Path) -> None:
    corpus, features = open_corpus(aligned), EncoderLayer(LAYER, lambda name: 16)
    path = tmp_path / "units.safetensors"

    def refused(expected: str, kind: type[Exception] = ConfigError, units: object = path) -> None:
        with pytest.raises(kind, match=expected):
            UnitContent(features, None if units is None else str(units), 20, 8).setup(corpus)

    refused("content.units: found none; expected a codebook", units=None)
    refused("no such file", DataError)
    path.write_bytes(b"no codebook")
    refused("units.safetensors: found", DataError)
    save_file({"weights": np.zeros((2, 2), np.float32)}, path)
    refused("found tensors weights", DataError)
    Codebook(np.ones((20, 16), np.float32), "tdnn3").save(path)
    refused("found units of tdnn3 in .*; expected units of tdnn2")
    Codebook(np.ones((20, 8), np.float32), LAYER).save(path)
    refused("found 20 x 8 numbers in .*; expected 20 x 16")


def test_layers_are_read_at_the_frames_of_the_spectrogram() -> None:
    """A layer that is its own time, in Samples."""
    from joint.outputs import Layer

    hop, offset = 320, 200
    time = offset + hop * torch.arange(10.0)
    mask = torch.arange(10)[None] < torch.tensor([[10], [4]])
    layer = Layer(time.expand(2, 1, -1), mask, hop, offset)
    found = at_mel_frames(layer, 18)[..., 0]
    expected = (torch.arange(18.0) * HOP).clamp(min=offset)
    torch.testing.assert_close(found[0], expected.clamp(max=offset + 9 * hop))
    torch.testing.assert_close(found[1], expected.clamp(max=offset + 3 * hop))
