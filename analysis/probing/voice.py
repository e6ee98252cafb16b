"""Pitch of a recording, by Praat's autocorrelation method (Boersma 1993)."""

import numpy as np

from joint.units import SAMPLE_RATE


def voice_statistics(waveform: np.ndarray) -> tuple[float, float]:
    """Mean of the pitch in semitones above 100 Hz, and its standard deviation; NaN where hardly any
    of it is voiced. Raises ImportError without the package parselmouth."""
    import parselmouth

    sound = parselmouth.Sound(waveform.astype(np.float64), SAMPLE_RATE)
    frequency = sound.to_pitch(pitch_floor=75.0, pitch_ceiling=500.0).selected_array["frequency"]
    voiced = frequency[frequency > 0]
    if len(voiced) < 10:
        return float("nan"), float("nan")
    semitones = 12.0 * np.log2(voiced / 100.0)
    return float(semitones.mean()), float(semitones.std())
