"""Recordings at a wrong level: clipped, too quiet for their bits, with hum or an offset."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from joint.data.scenes.distortions.base import Distortion, refuse_range
from joint.units import SAMPLE_RATE, Decibels

MAINS = (50.0, 60.0)
"""In Hertz."""
HARMONICS = 8


@dataclass(frozen=True)
class Clipping(Distortion):
    """Samples above a limit are cut; the limit is where a `share` of all samples lies above it."""

    share: tuple[float, float] = (0.005, 0.1)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_range("share", self.share, 0.0, 1.0)

    def __call__(self, waveform: np.ndarray, rng: Generator) -> np.ndarray:
        """See Distortion."""
        place = round((1.0 - rng.uniform(*self.share)) * (len(waveform) - 1))
        limit = float(np.partition(np.abs(waveform), place)[place])
        return np.clip(waveform, -limit, limit)


@dataclass(frozen=True)
class FewBits(Distortion):
    """A recording whose peak is `peak_db` below full scale, rounded to 16 bits."""

    peak_db: tuple[Decibels, Decibels] = (-60.0, -20.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_range("peak_db", self.peak_db, -90.0, 0.0)

    def __call__(self, waveform: np.ndarray, rng: Generator) -> np.ndarray:
        """See Distortion."""
        peak = max(float(np.abs(waveform).max(initial=0.0)), 1e-9)
        steps = 32767.0 * 10.0 ** (rng.uniform(*self.peak_db) / 20.0) / peak
        return (np.round(waveform * steps) / 32768.0).astype(np.float32)


@dataclass(frozen=True)
class Hum(Distortion):
    """The mains at 50 or 60 Hz with eight harmonics that fall off, `snr_db` below the speech."""

    snr_db: tuple[Decibels, Decibels] = (5.0, 30.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_range("snr_db", self.snr_db, -20.0, 100.0)

    def __call__(self, waveform: np.ndarray, rng: Generator) -> np.ndarray:
        """See Distortion."""
        base = MAINS[int(rng.integers(len(MAINS)))] * rng.uniform(0.995, 1.005)
        number = np.arange(1, HARMONICS + 1)
        heights = rng.uniform(0.1, 1.0, HARMONICS) / number
        time = np.arange(len(waveform)) / SAMPLE_RATE
        phases = 2 * np.pi * (base * number[:, None] * time + rng.random((HARMONICS, 1)))
        hum = heights @ np.sin(phases, dtype=np.float32)
        speech, level = np.square(waveform).mean(), np.square(hum).mean()
        gain = np.sqrt(speech / max(level, 1e-12) * 10.0 ** (-rng.uniform(*self.snr_db) / 10.0))
        return (waveform + gain * hum).astype(np.float32)


@dataclass(frozen=True)
class Offset(Distortion):
    """A constant is added, of `share` of the peak, up or down."""

    share: tuple[float, float] = (0.01, 0.3)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_range("share", self.share, 0.0, 1.0)

    def __call__(self, waveform: np.ndarray, rng: Generator) -> np.ndarray:
        """See Distortion."""
        sign = 1.0 if rng.random() < 0.5 else -1.0
        offset = sign * rng.uniform(*self.share) * float(np.abs(waveform).max(initial=0.0))
        return (waveform + offset).astype(np.float32)
