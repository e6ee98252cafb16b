"""Measures of how far a voice or a face can be trusted."""

import numpy as np

from joint.inspection.properties import Storage, measure
from joint.units import Decibels
from tasks.audiovisual.faces.face import Detector

LOWEST_SNR: Decibels = -10.0
"""Where there is no speech."""
HARMLESS_SNR: Decibels = 15.0
"""From here on noise costs a cosine next to nothing; also where no sound lies between the speech,
from which it could be estimated."""


def voice_quality(waveform: np.ndarray) -> np.ndarray:
    """SNR in decibels of `waveform (S,)` at 16 kHz, limited to `LOWEST_SNR` and `HARMLESS_SNR`;
    `(1,)`."""
    found, _ = measure(waveform, waveform, Storage())
    if found.speech_seconds <= 0:
        return np.array([LOWEST_SNR])
    snr = HARMLESS_SNR if found.snr_db is None else found.snr_db
    return np.array([np.clip(snr, LOWEST_SNR, HARMLESS_SNR)])


def face_quality(crop: np.ndarray, detector: Detector) -> np.ndarray:
    """The detector's score of the face in an aligned face `(C, C, 3)` uint8, 0 where it finds none:
    what hides a face from a detector hides it from an embedder; `(1,)`."""
    return np.array([max((face.score for face in detector(crop)), default=0.0)])
