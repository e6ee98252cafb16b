"""Recordings with digital silence: before, after and inside the speech."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from joint.data.scenes.distortions.base import Distortion, refuse_range
from joint.units import SAMPLE_RATE, Decibels, Seconds


@dataclass(frozen=True)
class DigitalZeros(Distortion):
    """Zeros before, after or inside the recording, of a `share` of its length; the speech moves
    behind them, and what no longer fits is cut off."""

    share: tuple[float, float] = (0.02, 0.45)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_range("share", self.share, 0.0, 1.0)

    def __call__(self, waveform: np.ndarray, rng: Generator) -> np.ndarray:
        """See Distortion."""
        length = len(waveform)
        zeros = round(length * rng.uniform(*self.share))
        kept = length - zeros
        place = (0, kept, int(rng.integers(kept + 1)))[int(rng.integers(3))]
        result = np.zeros_like(waveform)
        result[:place] = waveform[:place]
        result[place + zeros :] = waveform[place:kept]
        return result


@dataclass(frozen=True)
class NoiseGate(Distortion):
    """A gate that sets blocks of `block` seconds to zero where they are a level drawn from
    `threshold_db` below the loudest one."""

    threshold_db: tuple[Decibels, Decibels] = (-55.0, -30.0)
    block: tuple[Seconds, Seconds] = (0.005, 0.04)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_range("threshold_db", self.threshold_db, -120.0, 0.0)
        refuse_range("block", self.block, 0.001, 1.0)

    def __call__(self, waveform: np.ndarray, rng: Generator) -> np.ndarray:
        """See Distortion."""
        size = round(rng.uniform(*self.block) * SAMPLE_RATE)
        whole = len(waveform) // size * size
        blocks = waveform[:whole].reshape(-1, size)
        energy = np.square(blocks).mean(axis=1)
        least = energy.max(initial=0.0) * 10.0 ** (rng.uniform(*self.threshold_db) / 10.0)
        gated = np.zeros_like(waveform)
        gated[:whole] = (blocks * (energy > least)[:, None]).ravel()
        return gated


@dataclass(frozen=True)
class Dropouts(Distortion):
    """Lost packets: `per_second` gaps of zeros, each of a length drawn from `gap`."""

    per_second: tuple[float, float] = (0.5, 5.0)
    gap: tuple[Seconds, Seconds] = (0.01, 0.04)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_range("per_second", self.per_second, 0.0, 100.0)
        refuse_range("gap", self.gap, 0.0, 1.0)

    def __call__(self, waveform: np.ndarray, rng: Generator) -> np.ndarray:
        """See Distortion."""
        seconds = len(waveform) / SAMPLE_RATE
        count = max(1, round(seconds * rng.uniform(*self.per_second)))
        result = waveform.copy()
        for start in rng.integers(len(waveform), size=count):
            result[start : start + round(rng.uniform(*self.gap) * SAMPLE_RATE)] = 0.0
        return result
