"""Pitch by Praat on the mel's frames, and the errors of planted pitches."""

from pathlib import Path

import numpy as np
import pytest

from joint.audio import read_audio
from joint.metrics.speech.pitch import (
    pitch_error,
    pitch_figures,
    pitch_statistics,
    praat_pitch,
)
from joint.synthesis.mel import HOP, frames_of

pytest.importorskip("parselmouth")


def glide(start: float, end: float, seconds: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A tone of twelve harmonics with its pitch in each frame."""
    hertz = np.linspace(start, end, round(16_000 * seconds))
    phase = 2 * np.pi * np.cumsum(hertz) / 16_000
    tone = sum(np.sin(k * phase) / k for k in range(1, 13))
    return 0.1 * np.asarray(tone), hertz[::HOP]


def test_a_glide_is_followed_frame_by_frame() -> None:
    tone, expected = glide(120, 240)
    found = praat_pitch(tone)
    assert len(found) == frames_of(len(tone))
    inner = slice(4, len(expected) - 4)
    assert (found[inner] > 0).all()
    # a frame of Praat's is up to half a hop off
    assert np.abs(found[inner] / expected[inner] - 1).max() < 0.01


def test_a_recording_and_its_copies(embedded_corpus: Path) -> None:
    waveform = read_audio(embedded_corpus / "WAVE" / "SPEAKER0005" / "000050003.ogg")
    hertz = praat_pitch(waveform)
    statistics = pitch_statistics(hertz)
    assert 180 < statistics.mean_hz < 300 and 0.3 < statistics.voiced_share < 0.6
    quiet = pitch_figures([pitch_error(praat_pitch(0.3 * waveform), hertz)])
    assert quiet["f0_error_cents"] == pytest.approx(0, abs=1e-3)
    assert quiet["voicing_error_percent"] == 0
    # played a semitone faster, which the first frames show before times drift apart
    places = np.arange(0, len(waveform) - 1, 2 ** (1 / 12))
    faster = np.interp(places, np.arange(len(waveform)), waveform)
    raised = pitch_statistics(praat_pitch(faster)).mean_hz / statistics.mean_hz
    assert 12 * np.log2(raised) == pytest.approx(1, abs=0.1)
    silent = np.zeros(len(waveform))
    assert pitch_error(praat_pitch(silent), hertz).voicing_errors == (hertz > 0).sum()


def test_too_short_for_a_pitch() -> None:
    assert not praat_pitch(np.ones(100)).any()


def test_planted_errors() -> None:
    reference = np.concatenate([np.zeros(10), np.geomspace(100, 200, 50), np.zeros(40)])
    cent = 2 ** (1 / 1200)
    estimate = reference * cent**50
    estimate[10:15] *= 2  # an octave too high
    estimate[58:60] = 0
    estimate[70:73] = 150
    error = pitch_error(estimate, reference)
    assert (error.frames, error.voicing_errors, error.voiced_in_both) == (100, 5, 48)
    assert error.gross_errors == 5
    figures = pitch_figures([error, error])
    squares = (43 * 50**2 + 5 * 1250**2) / 48
    assert figures["f0_error_cents"] == pytest.approx(squares**0.5)
    assert figures["f0_gross_error_percent"] == pytest.approx(100 * 5 / 48)
    assert figures["voicing_error_percent"] == pytest.approx(5)


def test_correlation_ignores_register() -> None:
    reference = np.geomspace(100, 200, 40)
    up, down = pitch_error(1.5 * reference, reference), pitch_error(reference[::-1], reference)
    assert up.correlation == pytest.approx(1) and down.correlation == pytest.approx(-1)
    few = pitch_error(reference[:9], reference)
    assert np.isnan(few.correlation)
    assert pitch_figures([few])["f0_correlation"] is None
    assert pitch_figures([])["f0_error_cents"] is None


def test_statistics_of_a_planted_pitch() -> None:
    found = pitch_statistics(np.array([0.0, 0.0] + [100.0, 400.0] * 10))
    assert found.mean_hz == pytest.approx(200)
    assert found.deviation_semitones == pytest.approx(12)
    assert found.voiced_share == pytest.approx(20 / 22)
    assert np.isnan(pitch_statistics(np.zeros(50)).mean_hz)
