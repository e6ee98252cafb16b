"""Pitch: Praat's on real speech, planted tones exactly, nothing in noise, the same with padding."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from joint.audio import read_audio
from joint.metrics.speech.pitch import PitchError, pitch_error, pitch_figures, praat_pitch
from joint.synthesis.mel import HOP, frames_of
from joint.synthesis.pitch import Pitch, estimate_pitch, interpolated, pitch_range

PEOPLE = ("SPEAKER0005", "SPEAKER0026", "SPEAKER0056", "SPEAKER0560", "SPEAKER1042", "SPEAKER1362")
"""Women, men and children."""


def tone(hertz: float, seconds: float = 1.0) -> Tensor:
    """A tone of ten harmonics, `(1, S)`."""
    time = torch.arange(round(16_000 * seconds)) / 16_000
    harmonics = [torch.sin(2 * torch.pi * k * hertz * time + k) / k for k in range(1, 11)]
    return 0.1 * torch.stack(harmonics).sum(dim=0)[None]


def as_row(waveform: np.ndarray) -> Tensor:
    return torch.from_numpy(waveform)[None]


def in_hertz(pitch: Pitch) -> np.ndarray:
    """Of the first row, 0 where it is not voiced."""
    hertz: np.ndarray = (pitch.log_hertz.exp() * pitch.voiced)[0].numpy()
    return hertz


def test_as_praat_s_in_real_speech(embedded_corpus: Path) -> None:
    pytest.importorskip("parselmouth")
    errors: list[PitchError] = []
    cents: list[np.ndarray] = []
    for person in PEOPLE:
        waveform = read_audio(sorted((embedded_corpus / "WAVE" / person).iterdir())[2])
        found, expected = in_hertz(estimate_pitch(as_row(waveform))), praat_pitch(waveform)
        both = (found > 0) & (expected > 0)
        cents.append(1200 * np.log2(found[both] / expected[both]))
        errors.append(pitch_error(found, expected))
    figures = pitch_figures(errors)
    assert figures["voicing_error_percent"] < 7, figures
    assert figures["f0_gross_error_percent"] < 5, figures  # 8.5 with a first dip under 0.2
    off = np.concatenate(cents)
    assert np.median(np.abs(off)) < 10 and abs(np.median(off)) < 3


@pytest.mark.parametrize("hertz", [80.0, 120.0, 200.0, 333.0, 450.0])
def test_a_tone(hertz: float) -> None:
    pitch = estimate_pitch(tone(hertz))
    assert pitch.voiced.shape == (1, frames_of(16_000)) and pitch.voiced[0, 2:-2].all()
    cents = 1200 * (pitch.log_hertz[0, 2:-2].exp() / hertz).log2()
    assert cents.abs().max() < 5, cents
    assert abs(float(pitch_range(pitch).mean.exp()) / hertz - 1.0) < 0.003


def test_a_glide_is_followed_frame_by_frame() -> None:
    hertz = torch.linspace(120.0, 240.0, 16_000)
    phase = 2 * torch.pi * hertz.double().cumsum(0) / 16_000
    waveform = 0.1 * torch.stack([torch.sin(k * phase) / k for k in range(1, 11)]).sum(0)
    found = estimate_pitch(waveform.float()[None]).log_hertz[0].exp()
    inner = slice(4, -4)
    assert (
        found[inner] / hertz[::HOP][inner.start : len(found) + inner.stop] - 1
    ).abs().max() < 0.01


def test_silence_and_noise_have_no_pitch() -> None:
    silent = estimate_pitch(torch.zeros(2, 8_000))
    assert not silent.voiced.any() and not silent.log_hertz.any()
    noise = 0.1 * torch.randn(4, 16_000, generator=torch.Generator().manual_seed(0))
    assert estimate_pitch(noise).voiced.float().mean() < 0.02


def test_padding_changes_no_row(padded: tuple[Tensor, Tensor]) -> None:
    """Real speech that ends in the middle of a sound, with something else behind the end."""
    batch, lengths = padded
    together = estimate_pitch(batch, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = estimate_pitch(batch[row : row + 1, :length], lengths[row : row + 1])
        frames = frames_of(length)
        assert alone.voiced.any()
        assert torch.equal(together.voiced[row, :frames], alone.voiced[0])
        torch.testing.assert_close(together.log_hertz[row, :frames], alone.log_hertz[0])
        assert not together.voiced[row, frames:].any()


def test_interpolation() -> None:
    values = torch.tensor([[9.0, 1.0, 9.0, 9.0, 4.0, 9.0], [7.0] * 6, [1.0, 2, 3, 4, 5, 6]])
    known = torch.tensor([[0, 1, 0, 0, 1, 0], [0] * 6, [1] * 6]).bool()
    expected = torch.tensor([[1.0, 1, 2, 3, 4, 4], [0.0] * 6, [1.0, 2, 3, 4, 5, 6]])
    torch.testing.assert_close(interpolated(values, known), expected)


def test_the_range_of_a_voice() -> None:
    """Few voiced frames say little of the spread; unvoiced ones nothing of anything."""
    log_hertz = torch.full((3, 1_000), 9.0)
    log_hertz[0, :800] = torch.tensor([4.9, 5.3]).repeat(400)
    log_hertz[1, :2] = torch.tensor([4.0, 6.0])
    voiced = torch.zeros(3, 1_000, dtype=torch.bool)
    voiced[0, :800] = voiced[1, :2] = True
    found = pitch_range(Pitch(log_hertz, voiced))
    torch.testing.assert_close(found.mean, torch.tensor([5.1, 5.0, 5.0]))
    assert float(found.spread[0]) == pytest.approx(0.2, abs=1e-3)
    assert 0.2 < float(found.spread[1]) < 0.25 and float(found.spread[2]) == pytest.approx(0.2)
    there = found.normalised(log_hertz)
    torch.testing.assert_close(found.restored(there), log_hertz)
    assert float(there[0, 0]) == pytest.approx(-1.0, abs=1e-2)
