"""Cepstra: speech frames alone, normalised, with derivatives; what cannot be used is listed."""

import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from joint.audio import read_audio
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import AudioError, ConfigError, DataError
from tasks.verification.classic.features import Cepstra, derivatives, read_speech


@pytest.fixture(scope="module")
def spoken(embedded_corpus: Path) -> np.ndarray:
    return read_audio(open_corpus(embedded_corpus / "train").by_id["000560026"].path)


def kaldi_folder(folder: Path, recordings: dict[str, np.ndarray]) -> Corpus:
    for name, waveform in recordings.items():
        soundfile.write(folder / f"{name}.wav", waveform, 16_000)
    tables = {"wav.scp": "{0} {0}.wav", "text": "{0} WORD", "utt2spk": "{0} someone"}
    for table, line in tables.items():
        (folder / table).write_text("".join(line.format(name) + "\n" for name in recordings))
    return open_corpus(folder)


def test_frames_are_speech_and_normalised(spoken: np.ndarray) -> None:
    frames = Cepstra()(spoken)
    count = 1 + (len(spoken) - 400) // 160
    assert frames.shape[1] == 60 and 0.3 * count < len(frames) <= count
    torch.testing.assert_close(frames.mean(dim=0), torch.zeros(60), atol=1e-4, rtol=0)
    torch.testing.assert_close(frames.var(dim=0, correction=0), torch.ones(60), atol=1e-3, rtol=0)


def test_silence_and_level_change_nothing(spoken: np.ndarray) -> None:
    cepstra = Cepstra(normalize="mean")
    quiet = np.zeros(8_000, dtype=np.float32)
    padded = np.concatenate([quiet, 0.25 * spoken, quiet])
    # windows at the border have both parts, and the 95th percentile is over more frames
    assert abs(len(cepstra(padded)) - len(cepstra(spoken))) <= 0.1 * len(cepstra(spoken))
    louder, frames = cepstra(0.25 * spoken), cepstra(spoken)
    torch.testing.assert_close(louder, frames, atol=2e-3, rtol=1e-3)


def test_without_its_level_the_spectrum_stays(spoken: np.ndarray) -> None:
    frames, centred = Cepstra(normalize="level")(spoken), Cepstra(normalize="mean")(spoken)
    torch.testing.assert_close(frames - frames.mean(dim=0), centred)
    assert frames[:, 1:].mean(dim=0).abs().max() > 1 and frames[:, 0].mean().abs() < 1e-3
    louder = Cepstra(normalize="level")(0.25 * spoken)
    torch.testing.assert_close(louder, frames, atol=2e-3, rtol=1e-3)


def test_derivatives_are_those_of_a_line() -> None:
    line = torch.arange(10.0)[:, None] * torch.tensor([[1.0, -3.0]])
    torch.testing.assert_close(derivatives(line)[2:-2], torch.tensor([[1.0, -3.0]]).expand(6, 2))
    expected = np.convolve(line[:, 1] ** 2, np.array([2, 1, 0, -1, -2]) / 10, mode="valid")
    np.testing.assert_allclose(derivatives(line**2)[2:-2, 1], expected, rtol=1e-5)


def test_recordings_without_speech_are_skipped_and_listed(
    tmp_path: Path, spoken: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    recordings = {
        "faint": 1e-4 * noise,
        "good": spoken,
        "brief": spoken[:1000],
        "loud": 0.1 * noise,
    }
    folder = kaldi_folder(tmp_path, recordings)
    with caplog.at_level(logging.WARNING):
        found = read_speech(Cepstra(), folder)
    assert found.names == ["good", "loud"] and set(found.skipped) == {"faint", "brief"}
    assert "faint.wav: found 0 speech frames; expected at least 10" in caplog.text
    good, loud = found.utterances()
    assert (len(good), len(loud)) == tuple(found.counts) and len(loud) == 98
    one = found.select([1])
    assert one.names == ["loud"] and torch.equal(one.frames, loud)
    changed = read_speech(Cepstra(), folder, ["loud"], lambda waveform: waveform[::-1].copy())
    assert not torch.equal(changed.frames, loud)


def test_nothing_to_read(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    folder = kaldi_folder(tmp_path, {"faint": 1e-4 * noise})
    with pytest.raises(DataError, match="no recording with speech"):
        read_speech(Cepstra(), folder)
    with pytest.raises(ConfigError, match="normalize: found all; expected level, mean or"):
        Cepstra(normalize="all")  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="100 samples"):
        Cepstra()(np.ones(100, dtype=np.float32))
