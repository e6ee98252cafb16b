"""Measures of how far a voice or a face can be trusted."""

import numpy as np

from joint.inspection.properties import Storage, measure
from joint.units import Decibels

LOWEST_SNR, HIGHEST_SNR = Decibels(-10.0), Decibels(40.0)
"""Where no speech was found, and where no sound lies between the speech; estimates stay within."""
WEAKEST = 1e-3
"""Of the Laplacian of an even grey."""


def voice_quality(waveform: np.ndarray) -> np.ndarray:
    """Of `waveform (S,)` at 16 kHz: SNR in dB, and the natural logarithm of the seconds of speech,
    0.1 s at least; `(2,)`."""
    found, _ = measure(waveform, waveform, Storage())
    if found.speech_seconds <= 0:
        snr = LOWEST_SNR
    else:
        snr = HIGHEST_SNR if found.snr_db is None else found.snr_db
    limited = np.clip(snr, LOWEST_SNR, HIGHEST_SNR)
    return np.array([limited, np.log(max(found.speech_seconds, 0.1))])


def face_quality(crop: np.ndarray) -> np.ndarray:
    """Of an aligned face `(C, C, 3)` uint8: sharpness, the logarithm of the median magnitude of the
    Laplacian of its grey values, which the edges of an occlusion leave alone; `(1,)`."""
    grey = crop.astype(np.float64).mean(axis=2)
    inner = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return np.array([np.log(max(float(np.median(np.abs(around - 4 * inner))), WEAKEST))])
