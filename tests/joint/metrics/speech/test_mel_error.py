"""The mel error of real recordings, against figures that are known beforehand."""

from pathlib import Path

import numpy as np
import pytest

from joint.audio import read_audio
from joint.metrics.speech.mel import mel_error


@pytest.fixture(scope="module")
def recording(embedded_corpus: Path) -> np.ndarray:
    return read_audio(embedded_corpus / "WAVE" / "SPEAKER0005" / "000050003.ogg")


def test_half_the_level_is_six_decibels(recording: np.ndarray) -> None:
    assert mel_error(recording, recording) == (0.0, 0.0)
    halved = mel_error(0.5 * recording, recording)
    # a few frames lie at the floor
    assert halved.decibels == pytest.approx(6.02, abs=0.05)
    assert halved.natural_log == pytest.approx(np.log(2.0), abs=0.01)


def test_noise_counts_and_a_longer_one_is_cut(recording: np.ndarray) -> None:
    noise = 0.01 * np.random.default_rng(0).normal(size=len(recording))
    near, far = (mel_error(recording + gain * noise, recording) for gain in (0.1, 1.0))
    assert 0 < near.natural_log < far.natural_log
    longer = np.concatenate([recording, recording])
    assert mel_error(longer, recording).natural_log < 0.05
