"""Speech at a level: pauses do not count, and nothing clips."""

from pathlib import Path

import numpy as np
import pytest

from joint.audio import read_audio
from joint.synthesis.loudness import HIGHEST_PEAK, LEVEL, levelled, speech_level


@pytest.fixture(scope="module")
def voice(embedded_corpus: Path) -> np.ndarray:
    return read_audio(embedded_corpus / "WAVE" / "SPEAKER2450" / "024500006.ogg")


@pytest.mark.parametrize("gain", [0.02, 0.3, 1.0])
def test_any_speech_comes_to_the_level(voice: np.ndarray, gain: float) -> None:
    made = levelled(gain * voice)
    assert made.dtype == np.float32
    assert speech_level(made) == pytest.approx(LEVEL, abs=0.01)
    assert np.abs(made).max() <= HIGHEST_PEAK
    np.testing.assert_allclose(made, levelled(voice), rtol=1e-4, atol=1e-6)


def test_pauses_do_not_count(voice: np.ndarray) -> None:
    pause = np.zeros(2 * len(voice), np.float32)
    alone, among = speech_level(voice), speech_level(np.concatenate([voice, pause, voice]))
    assert alone is not None and among == pytest.approx(alone, abs=1.0)


def test_peaks_do_not_clip() -> None:
    beats = np.zeros(16_000, np.float32)
    beats[::2000] = 1.0
    assert np.abs(levelled(beats)).max() == pytest.approx(HIGHEST_PEAK)


def test_silence_stays_silence() -> None:
    assert speech_level(np.zeros(999, np.float32)) is None
    assert not levelled(np.zeros(999, np.float32)).any()
    hum = 1e-6 * np.sin(np.arange(16_000))
    assert np.abs(levelled(hum)).max() < 2e-4
