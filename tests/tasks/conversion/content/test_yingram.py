"""The Yingram of a synthetic tone dips at its pitch and the subharmonics, and moves as asked."""

import math

import pytest
import torch
from torch import Tensor

from joint.synthesis.mel import frames_of
from joint.synthesis.pitch import LOWEST
from tasks.conversion.content.yingram import BINS, BINS_PER_SEMITONE, yingram

MIDDLE = 40
"""A frame in the middle of the tone."""


def tone(hertz: float) -> Tensor:
    """A second of a tone with eight harmonics, `(1, S)`."""
    time = torch.arange(16_000) / 16_000
    parts = [torch.sin(2 * torch.pi * k * hertz * time + k) / k for k in range(1, 9)]
    return 0.1 * torch.stack(parts).sum(dim=0)[None]


def bin_of(hertz: float) -> int:
    return round(12 * math.log2(hertz / LOWEST) * BINS_PER_SEMITONE)


def of(waveform: Tensor, raised: float | None = None) -> Tensor:
    """The middle frame, `(BINS,)`."""
    frames = frames_of(waveform.shape[1])
    moved = None if raised is None else torch.full((1, frames), raised)
    found = yingram(waveform, torch.tensor([waveform.shape[1]]), moved)
    assert found.shape == (1, frames, BINS)
    return found[0, MIDDLE]


def dips(values: Tensor) -> list[int]:
    """Bins that are lower than both neighbours, and low."""
    inner = values[1:-1]
    lower = (inner < values[:-2]) & (inner <= values[2:]) & (inner < 0.15)
    return [int(i) + 1 for i in lower.nonzero()[:, 0]]


@pytest.mark.parametrize("hertz", [140.0, 200.0, 300.0])
def test_a_tone_dips_at_its_pitch_and_its_subharmonics(hertz: float) -> None:
    found = dips(of(tone(hertz)))
    expected = [bin_of(hertz / k) for k in range(int(hertz // LOWEST), 0, -1)]
    assert len(found) == len(expected)
    assert all(abs(a - b) <= 1 for a, b in zip(found, expected, strict=True)), (found, expected)


def test_noise_has_no_dip() -> None:
    noise = 0.1 * torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0))
    assert not dips(of(noise))


@pytest.mark.parametrize("semitones", [-5, 3, 10])
def test_raised_by_semitones_it_moves_by_their_bins(semitones: int) -> None:
    before = of(tone(160.0))
    after = of(tone(160.0), semitones * math.log(2) / 12)
    moved = semitones * BINS_PER_SEMITONE
    inner = slice(max(moved, 0), BINS + min(moved, 0))
    torch.testing.assert_close(
        after[inner], before[inner.start - moved : inner.stop - moved], atol=2e-3, rtol=0
    )
    assert min(dips(after), key=lambda d: abs(d - bin_of(160 * 2 ** (semitones / 12)))) is not None
    higher = of(tone(160.0 * 2 ** (semitones / 12)))
    assert (after[inner] - higher[inner]).abs().mean() < 0.05


def test_padding_changes_no_row() -> None:
    sound = torch.cat([tone(150.0), torch.randn(1, 4_000)], dim=1)
    padded = yingram(sound, torch.tensor([16_000]))[0, : frames_of(16_000)]
    alone = yingram(sound[:, :16_000], torch.tensor([16_000]))[0]
    torch.testing.assert_close(padded, alone, atol=1e-4, rtol=0)
