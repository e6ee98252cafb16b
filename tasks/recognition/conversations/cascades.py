"""Recognition of several speakers by a recogniser of one, after extraction or diarization."""

from collections.abc import Callable, Sequence

import numpy as np

from joint.audio import MINIMUM
from joint.metrics.recognizers import Recognizer
from joint.metrics.words import normalize_text
from joint.units import SAMPLE_RATE, Samples
from tasks.recognition.evaluate import Transcribe

Recognise = Callable[[np.ndarray], list[str]]
"""A waveform `(S,)` of one speaker, float32 at 16 kHz, to its words (or phones)."""

Extract = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A mixture `(S,)` and an enrolment `(S',)` to that speaker's speech `(S,)`."""

Segment = tuple[Samples, Samples]
"""Start and end, not included, of a part of a recording."""

Segmenter = Callable[[np.ndarray], Sequence[Sequence[Segment]]]
"""A mixture `(S,)` to the segments in which each speaker talks."""


def plain_words(recognizer: Recognizer) -> Recognise:
    """The words that an external recogniser writes, as `normalize_text` leaves them."""
    return lambda waveform: normalize_text(recognizer.transcribe(waveform)).split()


def silent(mixture: np.ndarray, enrolments: Sequence[np.ndarray]) -> list[list[str]]:
    """An empty hypothesis: all words of the references are deletions."""
    return [[]]


def unseparated(recognise: Recognise, copies: int = 1) -> Transcribe:
    """Transcribe the mixture as if it were one speaker.

    With one output cpWER counts all words of the other speakers as deletions. With as many `copies`
    as speakers each has the same hypothesis, to compare with systems that give an output for each
    speaker: there are no missed speakers, but insertions of the others' words.
    """

    def transcribe(mixture: np.ndarray, enrolments: Sequence[np.ndarray]) -> list[list[str]]:
        words = recognised(recognise, mixture)
        return [list(words) for _ in range(copies)]

    return transcribe


def extracted(extract: Extract, recognise: Recognise) -> Transcribe:
    """Transcribe the extracted speech of each enrolled speaker."""

    def transcribe(mixture: np.ndarray, enrolments: Sequence[np.ndarray]) -> list[list[str]]:
        return [recognised(recognise, extract(mixture, enrolment)) for enrolment in enrolments]

    return transcribe


def segmented(segmenter: Segmenter, recognise: Recognise) -> Transcribe:
    """Transcribe the segments of each speaker in order of time. Where two speakers overlap, the
    segments of each contain both."""

    def transcribe(mixture: np.ndarray, enrolments: Sequence[np.ndarray]) -> list[list[str]]:
        speakers = (sorted(segments) for segments in segmenter(mixture))
        return [
            [word for start, end in own for word in recognised(recognise, mixture[start:end])]
            for own in speakers
        ]

    return transcribe


def recognised(recognise: Recognise, waveform: np.ndarray) -> list[str]:
    """The words in `waveform (S,)`: none in digital silence; shorter waveforms than recognisers
    accept are padded with silence."""
    if not waveform.any():
        return []
    missing = max(0, round(MINIMUM * SAMPLE_RATE) - len(waveform))
    return recognise(np.pad(waveform, (missing // 2, missing - missing // 2)))
