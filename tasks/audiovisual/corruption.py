"""What makes a voice or a face hard to recognise: noise, blur, occlusion."""

import numpy as np
from numpy.random import Generator

from joint.data.scenes.rendering import gain_for_snr
from joint.units import Decibels


def add_noise(waveform: np.ndarray, snr_db: Decibels, rng: Generator) -> np.ndarray:
    """`waveform (S,)` in white noise, whose level is so far below it."""
    noise = rng.standard_normal(len(waveform), dtype=np.float32)
    return waveform + noise * np.float32(gain_for_snr(waveform, noise, snr_db))


def blur(crop: np.ndarray, sigma: float) -> np.ndarray:
    """An aligned face `(C, C, 3)` uint8 under a Gaussian; `sigma` is a share of its width."""
    from scipy.ndimage import gaussian_filter

    width = sigma * crop.shape[1]
    blurred: np.ndarray = gaussian_filter(crop.astype(np.float32), (width, width, 0))
    return np.round(blurred).astype(np.uint8)


def occlude(crop: np.ndarray, share: float, rng: Generator) -> np.ndarray:
    """An aligned face `(C, C, 3)` uint8 behind a grey square of `share` of its area, its place
    drawn evenly."""
    side = round(len(crop) * np.sqrt(share))
    top, left = rng.integers(0, len(crop) - side, 2, endpoint=True)
    covered = crop.copy()
    covered[top : top + side, left : left + side] = 128
    return covered
