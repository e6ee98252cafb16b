"""Several people by a recogniser of one: something before it takes them apart, or nothing does."""

from collections.abc import Callable, Sequence

import numpy as np

from joint.audio import MINIMUM
from joint.units import SAMPLE_RATE, Samples
from tasks.recognition.evaluate import Transcribe

Recognise = Callable[[np.ndarray], list[str]]
"""A waveform `(S,)` of one person, float32 at 16 kHz, to the words (or phones) in it."""

Extract = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A mixture `(S,)` and an enrolment `(S',)` to that person's voice `(S,)`."""

Segment = tuple[Samples, Samples]
"""Start and end, not included, of a part of a recording."""

Segmenter = Callable[[np.ndarray], Sequence[Sequence[Segment]]]
"""A mixture `(S,)` to the stretches in which each person speaks."""


def silent(mixture: np.ndarray, voices: Sequence[np.ndarray]) -> list[list[str]]:
    """Nothing is heard: everything that was said is deleted."""
    return [[]]


def unseparated(recognise: Recognise, copies: int = 1) -> Transcribe:
    """The mixture as if one person spoke.

    One output is what such a recogniser gives, and cpWER, which has an empty output for each person
    who is missed, counts all that the others say as deleted. With as many `copies` as people
    everybody is given the same words, as to compare with outputs that answer for each person:
    nobody is missed, and each has the others' words too.
    """

    def hear(mixture: np.ndarray, voices: Sequence[np.ndarray]) -> list[list[str]]:
        found = recognised(recognise, mixture)
        return [list(found) for _ in range(copies)]

    return hear


def extracted(extract: Extract, recognise: Recognise) -> Transcribe:
    """The voice of each enrolled person, recognised by itself."""

    def hear(mixture: np.ndarray, voices: Sequence[np.ndarray]) -> list[list[str]]:
        return [recognised(recognise, extract(mixture, voice)) for voice in voices]

    return hear


def segmented(divide: Segmenter, recognise: Recognise) -> Transcribe:
    """The mixture where each person speaks, one stretch after the other; each person's words in
    order of time. Where two overlap, both are in the stretches of each."""

    def hear(mixture: np.ndarray, voices: Sequence[np.ndarray]) -> list[list[str]]:
        people = (sorted(stretches) for stretches in divide(mixture))
        return [
            [word for start, end in own for word in recognised(recognise, mixture[start:end])]
            for own in people
        ]

    return hear


def recognised(recognise: Recognise, waveform: np.ndarray) -> list[str]:
    """The words in `waveform (S,)`: none in digital silence, and what is shorter than recognisers
    take is made long enough with silence."""
    if not waveform.any():
        return []
    missing = max(0, round(MINIMUM * SAMPLE_RATE) - len(waveform))
    return recognise(np.pad(waveform, (missing // 2, missing - missing // 2)))
