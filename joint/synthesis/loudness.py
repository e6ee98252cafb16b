"""Loudness of speech: the level of what is spoken, and waveforms brought to a level."""

import numpy as np

from joint.units import Decibels, Samples

LEVEL: Decibels = -23.0
"""Of full scale: the level of synthetic speech, as EBU R 128 asks of a programme."""

FRAME: Samples = 320
GATE: Decibels = -10.0
"""Frames this far below the mean of all are pauses, as in ITU-R BS.1770."""

HIGHEST_PEAK = 0.95
MOST_GAIN: Decibels = 40.0
"""What is quieter still is no speech, and is not raised to sound like it."""


def speech_level(waveform: np.ndarray) -> Decibels | None:
    """The mean power of the frames of `waveform (S,)` that are no pauses, in decibels of full
    scale; None for silence."""
    padded = np.pad(waveform.astype(np.float64), (0, -len(waveform) % FRAME))
    power = np.square(padded).reshape(-1, FRAME).mean(axis=1)
    if not power.any():
        return None
    spoken = power[power >= 10 ** (GATE / 10) * power.mean()]
    return float(10 * np.log10(spoken.mean()))


def levelled(waveform: np.ndarray, level: Decibels = LEVEL) -> np.ndarray:
    """`waveform (S,)`, float32, with its speech at `level`; lower where a peak would exceed 0.95 of
    full scale. Silence stays silence."""
    found = speech_level(waveform)
    if found is None:
        return waveform.astype(np.float32)
    gain = 10 ** (min(level - found, MOST_GAIN) / 20)
    gain = min(gain, HIGHEST_PEAK / float(np.abs(waveform).max()))
    return (gain * waveform).astype(np.float32)
