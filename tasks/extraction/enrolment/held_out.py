"""Recordings of one voice and of two at once, made of held-out speakers: the decision on overlap is
fitted on them, and measured on speakers that it was not fitted on."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng
from scipy.signal import fftconvolve

from joint.data.corpus import Corpus, Utterance
from joint.data.scenes.augmentation import coloured_noise, room_responses
from joint.errors import AudioError, DataError
from joint.metrics.detection import eer
from joint.training.progress import shown
from joint.units import SAMPLE_RATE, Decibels, Samples, Seconds
from tasks.extraction.absence import FOLDS
from tasks.extraction.enrolment.overlap import ENOUGH, LONGEST, Overlap, measures
from tasks.extraction.evaluate import Extract
from tasks.extraction.presence import Embed
from tasks.extraction.rendering import interferer_gain

TREATMENTS = ("as recorded", "noise", "as recorded", "room", "as recorded", "short")
"""What is done to a recording of one voice and to one of two: drawn, so half of them are as
recorded."""
LEVELS: tuple[Decibels, ...] = (0.0, 5.0, -5.0)
"""Of the first voice over the second."""
SHARES = (1.0, 0.5)
"""Of the recording in which the second voice talks."""
SNR_DB, REVERBERATION, SHORT = (10.0, 15.0), (0.2, 0.5), (1.0, 3.0)
"""Ranges of the noise's level in decibels, of the room's reverberation time and of the length of
short recordings in seconds."""
COLOURS: tuple[Decibels, ...] = (0.0, -3.0)
"""Slopes of the noise's spectrum an octave: white, pink."""
EDGE: Seconds = 0.1
"""What is left of the pauses before and after the speech."""
ROOMS = 64

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    """A recording `waveform (S,)` float32 at 16 kHz: of which speaker first, whether another one
    talks at the same time, how far below, and in the whole of it or in half; its treatment."""

    waveform: np.ndarray
    speaker: str
    several: bool
    treatment: str
    level_db: Decibels = 0.0
    share: float = 1.0


def examples(corpus: Corpus, count: int, seed: int = 0) -> Iterator[Example]:
    """`count` recordings of one voice of the corpus and as many of two at once, one after the
    other; what cannot be read is left out.

    Raises DataError for a corpus of one speaker.
    """
    if len(corpus.speakers) < 2:
        raise DataError(corpus.where, "one speaker", "at least two")
    for number in range(count):
        draw = default_rng((seed, number))
        first = corpus.utterances[draw.integers(len(corpus.utterances))]
        second = _other(first, corpus, draw)
        treatment = TREATMENTS[draw.integers(len(TREATMENTS))]
        level, share = LEVELS[draw.integers(len(LEVELS))], SHARES[draw.integers(len(SHARES))]
        try:
            voice = _cut(first.waveform(), treatment, draw)
            other = _cut(second.waveform(), treatment, draw)
            both = _together(voice, other, level, share, draw)
            alone = _treated([voice], treatment, draw)
            mixed = _treated(both, treatment, draw)
        except (AudioError, ValueError) as error:
            logger.warning("skipped %s with %s: %s", first.id, second.id, error)
            continue
        yield Example(alone, first.speaker, False, treatment)
        yield Example(mixed, first.speaker, True, treatment, level, share)


def measured_overlap(
    extract: Extract,
    embed: Embed,
    corpora: Sequence[Corpus],
    count: int = ENOUGH,
    seed: int = 0,
    progress: bool = False,
) -> tuple[Overlap, dict[str, Any]]:
    """The decision on overlap for an extractor, fitted on about `count` recordings of one voice,
    equally many of each corpus, and as many of two voices at once; and its figures in percent on
    speakers left out of the fit.

    Raises DataError for fewer than four speakers.
    """
    each = -(-count // len(corpora))
    measured, several, speakers = [], [], []
    for number, corpus in enumerate(corpora):
        for one in shown(examples(corpus, each, seed), "overlap", progress, 2 * each):
            measured.append(measures(extract, embed, one.waveform))
            several.append(one.several)
            speakers.append((number, one.speaker))
    people = sorted(set(speakers))
    if len(people) < FOLDS:
        raise DataError("overlap", f"{len(people)} speakers", f"at least {FOLDS}")
    x, y = np.array(measured), np.array(several)
    fold = np.array([people.index(speaker) % FOLDS for speaker in speakers])
    scores, warned, refused = np.zeros(len(y)), np.zeros(len(y), bool), np.zeros(len(y), bool)
    for part in range(FOLDS):
        own = fold == part
        decision = Overlap.fit(x[~own], y[~own], enough=0)
        assert decision.certain is not None
        scores[own] = [decision(row) for row in x[own]]
        warned[own] = scores[own] >= decision.threshold
        refused[own] = scores[own] > decision.certain
    figures = {
        "overlap_eer_percent": eer(scores, y).percent,
        "one_voice_warned_percent": 100 * float(warned[~y].mean()),
        "two_voices_warned_percent": 100 * float(warned[y].mean()),
        "one_voice_refused_percent": 100 * float(refused[~y].mean()),
        "two_voices_refused_percent": 100 * float(refused[y].mean()),
        "overlap_recordings": len(y),
    }
    return Overlap.fit(x, y), figures


def _other(first: Utterance, corpus: Corpus, draw: Generator) -> Utterance:
    """An utterance of another speaker: of one gender with the `first` in every second pair, where
    there is such a speaker."""
    alike = bool(draw.integers(2))
    others = [u for u in corpus.utterances if u.speaker != first.speaker]
    fitting = [u for u in others if (u.gender == first.gender) == alike] or others
    return fitting[draw.integers(len(fitting))]


def _cut(waveform: np.ndarray, treatment: str, draw: Generator) -> np.ndarray:
    """A stretch, of at most the seconds that are looked at, of the recording less its pauses before
    and after the speech."""
    edge = round(EDGE * SAMPLE_RATE)
    loud = np.flatnonzero(np.abs(waveform) > 0.05 * np.abs(waveform).max())
    if not len(loud):
        raise ValueError("silence")
    waveform = waveform[max(0, loud[0] - edge) : loud[-1] + edge]
    longest = draw.uniform(*SHORT) if treatment == "short" else LONGEST
    size = round(longest * SAMPLE_RATE)
    start = draw.integers(max(0, len(waveform) - size) + 1)
    return waveform[start : start + size]


def _together(
    first: np.ndarray, second: np.ndarray, level_db: Decibels, share: float, draw: Generator
) -> list[np.ndarray]:
    """Both voices over one length, the second one in that `share` of it, at its beginning or its
    end. Raises ValueError where one of them is silent there."""
    length: Samples = min(len(first), round(len(second) / share))
    size = round(share * length)
    start = int(draw.integers(2)) * (length - size)
    first, second = first[:length], second[:size]
    gain = interferer_gain(first[start : start + size], second, level_db)
    return [first, np.pad(gain * second, (start, length - start - size))]


def _treated(voices: list[np.ndarray], treatment: str, draw: Generator) -> np.ndarray:
    """The sum of voices in their surroundings."""
    if treatment == "room":
        seed, seconds = int(draw.integers(ROOMS)), round(draw.uniform(*REVERBERATION), 1)
        responses = room_responses(seed, seconds, len(voices))
        voices = [fftconvolve(v, r)[: len(v)] for v, r in zip(voices, responses, strict=True)]
    recording: np.ndarray = np.sum(voices, axis=0)
    if treatment == "noise":
        seed, slope = int(draw.integers(2**31)), COLOURS[draw.integers(len(COLOURS))]
        noise = coloured_noise(seed, len(recording), slope)
        recording = recording + noise * interferer_gain(recording, noise, draw.uniform(*SNR_DB))
    return recording.astype(np.float32)
