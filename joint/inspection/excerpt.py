"""The part of a long recording from which a person is known, so that memory stays bounded."""

import numpy as np

from joint.inspection.reading import InspectedRecording
from joint.units import SAMPLE_RATE, Seconds

LONGEST: Seconds = 60.0
"""Of an enrolment that is encoded as one: a voice is known from far less, and what is encoded as
one takes memory with its length."""


def most_speech(recording: InspectedRecording, longest: Seconds = LONGEST) -> np.ndarray:
    """The waveform `(S,)` of the `longest` stretch of a recording in which there is most speech,
    and the first of these; the whole of one that is not longer."""
    waveform, size = recording.waveform, round(longest * SAMPLE_RATE)
    if len(waveform) <= size or not recording.speech:
        return waveform[:size]
    edges = np.array(recording.speech).reshape(-1)
    spoken = np.append(0, np.cumsum(np.diff(edges) * (np.arange(len(edges) - 1) % 2 == 0)))
    starts = np.minimum(edges[::2], len(waveform) - size)
    inside = np.interp(starts + size, edges, spoken) - np.interp(starts, edges, spoken)
    start = int(starts[inside.argmax()])
    return waveform[start : start + size]
