"""Recordings without high frequencies: sampled at a lower rate, or sent through a telephone."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import soxr
from numpy.random import Generator
from scipy import fft

from joint.data.scenes.distortions.base import Distortion, fitted, refuse_range
from joint.units import SAMPLE_RATE, Hertz

TELEPHONE_RATE: Hertz = 8000
EDGE = 0.06
"""Width of a filter's slope, as a share of the frequency where it ends."""


@dataclass(frozen=True)
class BandLimit(Distortion):
    """A recording of a lower sample rate: nothing above a frequency drawn from `cutoff`, evenly in
    octaves; with 4,000 it is one of 8 kHz."""

    cutoff: tuple[float, float] = (3200.0, 7600.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_range("cutoff", self.cutoff, 500.0, SAMPLE_RATE / 2)

    def __call__(self, waveform: np.ndarray, rng: Generator) -> np.ndarray:
        """See Distortion."""
        low, high = np.log(self.cutoff)
        return band_passed(waveform, SAMPLE_RATE, 0.0, float(np.exp(rng.uniform(low, high))))


@dataclass(frozen=True)
class Telephone(Distortion):
    """8 kHz, a band from around 300 to around 3,400 Hz, and companding to 8 bits (ITU-T G.711) by
    the µ-law or the A-law."""

    low: tuple[float, float] = (200.0, 350.0)
    high: tuple[float, float] = (3200.0, 3700.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_range("low", self.low, 0.0, 1000.0)
        refuse_range("high", self.high, 1000.0, TELEPHONE_RATE / 2)

    def __call__(self, waveform: np.ndarray, rng: Generator) -> np.ndarray:
        """See Distortion."""
        narrow = soxr.resample(waveform, SAMPLE_RATE, TELEPHONE_RATE)
        narrow = band_passed(
            narrow, TELEPHONE_RATE, rng.uniform(*self.low), rng.uniform(*self.high)
        )
        peak = max(float(np.abs(narrow).max(initial=0.0)), 1e-9)
        level = 10.0 ** (-rng.uniform(0.0, 20.0) / 20.0) / peak  # the law's noise follows the level
        sent = companded(narrow * level, "mu" if rng.random() < 0.5 else "a") / level
        return fitted(soxr.resample(sent, TELEPHONE_RATE, SAMPLE_RATE), len(waveform))


def band_passed(waveform: np.ndarray, rate: Hertz, low: float, high: float) -> np.ndarray:
    """`waveform (S,)` between two frequencies in Hertz, with slopes of a sixteenth of them, without
    change of phase."""
    size = fft.next_fast_len(len(waveform), real=True)
    hertz = np.linspace(0.0, rate / 2, size // 2 + 1, dtype=np.float32)
    gain = np.clip((high - hertz) / (EDGE * high), 0.0, 1.0)
    if low > 0:
        gain *= np.clip((hertz - (1.0 - EDGE) * low) / (EDGE * low), 0.0, 1.0)
    passed: np.ndarray = fft.irfft(fft.rfft(waveform, size) * gain, size)
    return passed[: len(waveform)].astype(np.float32)


def companded(waveform: np.ndarray, law: Literal["mu", "a"]) -> np.ndarray:
    """`waveform (S,)` in [-1, 1] after 8 bits of the continuous µ-law (255) or A-law (87.6)."""
    size, sign = np.abs(waveform), np.sign(waveform)
    if law == "mu":
        code = np.round(np.log1p(255.0 * size) / np.log(256.0) * 127.0) / 127.0
        return (sign * (np.power(256.0, code) - 1.0) / 255.0).astype(np.float32)
    scale = 1.0 + np.log(87.6)
    knee = size < 1.0 / 87.6
    code = np.where(knee, 87.6 * size, 1.0 + np.log(np.maximum(87.6 * size, 1e-9))) / scale
    code = np.round(code * 127.0) / 127.0
    small = code < 1.0 / scale
    value = np.where(small, code * scale / 87.6, np.exp(code * scale - 1.0) / 87.6)
    return (sign * value).astype(np.float32)
