"""The part of a long recording in which there is most speech."""

import numpy as np

from joint.inspection.excerpt import most_speech
from joint.inspection.properties import Properties
from joint.inspection.reading import InspectedRecording
from joint.inspection.speech import Region


def recording(seconds: int, *speech: tuple[int, int]) -> InspectedRecording:
    """A recording whose samples are their places, with speech from second to second."""
    waveform = np.arange(16_000 * seconds, dtype=np.float32)
    regions = tuple(Region(16_000 * start, 16_000 * end) for start, end in speech)
    return InspectedRecording("r.wav", waveform, Properties.__new__(Properties), regions)


def found(inspected: InspectedRecording, longest: float) -> tuple[float, float]:
    """Where the excerpt begins and how long it is, in seconds."""
    excerpt = most_speech(inspected, longest)
    return excerpt[0] / 16_000, len(excerpt) / 16_000


def test_most_speech() -> None:
    scattered = recording(30, (1, 2), (10, 12), (13, 15), (24, 25))
    assert found(scattered, 6) == (10, 6)
    assert found(scattered, 30) == (0, 30) == found(scattered, 60)
    assert found(recording(30, (1, 2), (27, 30)), 6) == (24, 6)
    assert found(recording(30, (2, 30)), 6) == (2, 6)
    assert found(recording(30), 6) == (0, 6)
