"""Pitch of a recording by Praat's autocorrelation method (Boersma 1993)."""

import numpy as np

from joint.units import SAMPLE_RATE


def pitch_statistics(waveform: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of the pitch in semitones above 100 Hz; NaN for fewer than 10
    voiced frames. Raises ImportError without the package parselmouth."""
    import parselmouth

    sound = parselmouth.Sound(waveform.astype(np.float64), SAMPLE_RATE)
    frequency = sound.to_pitch(pitch_floor=75.0, pitch_ceiling=500.0).selected_array["frequency"]
    voiced = frequency[frequency > 0]
    if len(voiced) < 10:
        return float("nan"), float("nan")
    semitones = 12.0 * np.log2(voiced / 100.0)
    return float(semitones.mean()), float(semitones.std())
