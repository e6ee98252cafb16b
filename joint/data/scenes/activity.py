"""When each source of a scene speaks: the placement of its utterance, without the pauses in it."""

import numpy as np

from joint.data.corpus import Utterance
from joint.data.phones import UNKNOWN
from joint.inspection.speech import PAUSE
from joint.scene import ACTIVITY_HOP, Segment
from joint.units import SAMPLE_RATE, Decibels, Samples

WINDOW: Samples = 400
"""Samples whose energy counts as that of a frame."""
RANGE: Decibels = 35.0
"""A frame so far below the loud ones of its utterance is no speech."""
SHORTEST: Samples = SAMPLE_RATE // 20
"""Shorter sounds by themselves are no speech."""
NEAR: Decibels = 10.0
"""A frame no further below the loud ones is speech in any case."""
LOUD, QUIET = 95.0, 10.0
"""Percentiles of the frames' levels: of speech, and of what is between it."""


def speech_frames(waveform: np.ndarray, segment: Segment, utterance: Utterance) -> np.ndarray:
    """Whether there is speech in each frame of `ACTIVITY_HOP` Samples of a segment's `waveform
    (S,)`: bool `(⌈S / hop⌉,)`. A pause shorter than `PAUSE` belongs to the speech.

    By the phones of the utterance's alignment, where it has one with times, else by energy.
    """
    known = utterance.phones
    if known is not None:
        known = known.part(segment.speed, segment.start, segment.length)
    if known is None or (known.phones == UNKNOWN).any():
        return without_gaps(loud_frames(waveform))
    count = -(-len(waveform) // ACTIVITY_HOP)
    centres = ACTIVITY_HOP // 2 + ACTIVITY_HOP * np.arange(count)
    place = np.searchsorted(known.ends, centres, side="right").clip(max=len(known.ends) - 1)
    return without_gaps(known.phones[place] > 0)


def loud_frames(waveform: np.ndarray) -> np.ndarray:
    """Whether each frame is nearer to the level of the loud ones than to that of the quiet ones,
    or within `NEAR` of the loud ones, and within `RANGE` of them: bool `(⌈S / hop⌉,)`; none in
    digital silence."""
    count = -(-len(waveform) // ACTIVITY_HOP)
    around = (WINDOW - ACTIVITY_HOP) // 2
    padded = np.pad(waveform, (around, around + count * ACTIVITY_HOP - len(waveform)))
    summed = np.concatenate([[0.0], np.cumsum(np.square(padded, dtype=np.float64))])
    starts = ACTIVITY_HOP * np.arange(count)
    energy = (summed[starts + WINDOW] - summed[starts]) / WINDOW
    if not (sounding := energy > 1e-10).any():
        return sounding
    level = 10.0 * np.log10(np.maximum(energy, 1e-10))
    quiet, loud = np.percentile(level, [QUIET, LOUD])
    least = max(loud - RANGE, min((loud + quiet) / 2.0, loud - NEAR))
    found: np.ndarray = sounding & (level > least)
    return found


def without_gaps(speech: np.ndarray, shortest: Samples = SHORTEST) -> np.ndarray:
    """Frames `(F,)` of which pauses shorter than `PAUSE` are speech too, and then stretches below
    `shortest` are not."""
    filled = speech.copy()
    spoken = stretches(filled)
    for start, end in zip(spoken[:-1, 1], spoken[1:, 0], strict=True):
        if (end - start) * ACTIVITY_HOP < PAUSE * SAMPLE_RATE:
            filled[start:end] = True
    for start, end in stretches(filled):
        if (end - start) * ACTIVITY_HOP < shortest:
            filled[start:end] = False
    return filled


def stretches(active: np.ndarray) -> np.ndarray:
    """First frame and the one behind the last, `(n, 2)`, of each run of true frames."""
    return np.flatnonzero(np.diff(active, prepend=False, append=False)).reshape(-1, 2)
