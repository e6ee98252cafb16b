"""What users' recordings went through, on clean ones: for tests of what is noticed of it."""

from collections.abc import Callable

import numpy as np

from joint.data.scenes.distortions.bandwidth import BandLimit
from joint.data.scenes.distortions.levels import Clipping
from tasks.verification import domain
from tasks.verification.conditions import CONDITIONS

Treatment = Callable[[np.ndarray], np.ndarray]


def stored_at(rate: int) -> Treatment:
    """Nothing above half of a lower sample rate."""
    limit = BandLimit(1.0, (rate / 2, rate / 2))
    return lambda waveform: limit(waveform, np.random.default_rng(0))


def telephone(waveform: np.ndarray) -> np.ndarray:
    """300 to 3400 Hz, 8 bits."""
    return CONDITIONS["telephone"](waveform, np.random.default_rng(0))


def mp3(waveform: np.ndarray) -> np.ndarray:
    """MP3 at a low rate."""
    return CONDITIONS["MP3, low rate"](waveform, np.random.default_rng(0))


def zeros(share: float, before: bool) -> Treatment:
    """Digital silence, as a share of the result."""
    padded = domain.zeros(share, before)
    return lambda waveform: padded(waveform, np.random.default_rng(0))


def clipped(share: float) -> Treatment:
    """This share of the samples clipped."""
    limit = Clipping(1.0, (share, share))
    return lambda waveform: limit(waveform, np.random.default_rng(0))


def noise(snr_db: float) -> Treatment:
    """White noise, so far below the recording."""

    def treat(waveform: np.ndarray) -> np.ndarray:
        added = np.random.default_rng(0).standard_normal(len(waveform))
        gain = np.sqrt(np.mean(waveform**2) / 10 ** (snr_db / 10))
        return (waveform + gain * added).astype(np.float32)

    return treat
