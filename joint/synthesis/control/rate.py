"""Speech at a rate that changes over time."""

from typing import NamedTuple

import numpy as np

from joint.synthesis.control.curves import Curve
from joint.synthesis.control.praat import CEILING, FLOOR, praat
from joint.synthesis.mel import HOP, frames_of
from joint.units import SAMPLE_RATE

STEP = 0.01
"""Seconds between two points of a curve that praat gets."""


class Paced(NamedTuple):
    """A `waveform (S',)` at another rate, and for each of its frames the second of the source that
    it comes from, `seconds (S' // HOP + 1,)`."""

    waveform: np.ndarray
    seconds: np.ndarray


def paced(waveform: np.ndarray, rate: Curve) -> Paced:
    """`waveform (S,)` at `rate` times its speed, a curve over the source's own time, by TD-PSOLA in
    praat (Moulines and Charpentier, 1990; for conversion Chen and Duan, "ControlVC", 2022); pitch
    stays.

    Raises ConfigError without the package parselmouth, unless the rate is 1.
    """
    if rate.constant == 1.0:
        return Paced(waveform, np.arange(frames_of(len(waveform))) * HOP / SAMPLE_RATE)
    parselmouth = praat("rate")
    call = parselmouth.praat.call
    length = len(waveform) / SAMPLE_RATE
    times = np.arange(0.0, length + STEP, STEP).clip(max=length)
    slower = 1.0 / rate.at(times)
    sound = parselmouth.Sound(waveform.astype(np.float64), SAMPLE_RATE)
    manipulation = call(sound, "To Manipulation", STEP, FLOOR, CEILING)
    durations = call(manipulation, "Extract duration tier")
    for time, factor in zip(times.tolist(), slower.tolist(), strict=True):
        call(durations, "Add point", time, factor)
    call([durations, manipulation], "Replace duration tier")
    parselmouth.praat.run("random_initializeWithSeedUnsafelyButPredictably (0)")
    made = call(manipulation, "Get resynthesis (overlap-add)").values[0].astype(np.float32)
    spent = np.concatenate([[0.0], np.cumsum(np.diff(times) * (slower[1:] + slower[:-1]) / 2)])
    frames = np.arange(frames_of(len(made))) * HOP / SAMPLE_RATE
    return Paced(made, np.interp(frames, spent, times))
