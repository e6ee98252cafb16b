"""Speaker-attributed transcripts: the outputs of a recogniser get names by speaker embeddings.

In a recording of one window an output is one speaker. In a longer one an output may be another
speaker in the next window, so that every utterance is attributed by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from joint.conversation.clustering import Cluster
from joint.conversation.linkage import agglomerative
from joint.conversation.naming import assign, attribute
from joint.conversation.turns import Turn, in_order
from joint.units import SAMPLE_RATE, Samples, Seconds
from tasks.recognition.decoding.timing import Parts, TimedWord

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Waveforms `(S,)` float32 at 16 kHz to embeddings `(n, E)`, such as `SpeakerModel.embed`."""

PAUSE: Seconds = 0.5
"""A longer one between two words ends an utterance; words seem shorter, and pauses longer, than
they are, as CTC emits a unit in a frame or two."""

ALONE: Seconds = 1.0
"""Speech without others that is enough for an embedding."""

MARGIN: Seconds = 0.3
"""Context around an utterance of which too little is free of other speakers."""


@dataclass(frozen=True)
class Utterance:
    """Consecutive words of one output."""

    words: list[TimedWord]

    @property
    def start(self) -> Samples:
        """Of the first word."""
        return self.words[0].start

    @property
    def end(self) -> Samples:
        """Of the last word."""
        return self.words[-1].end


def attributed(
    windows: Sequence[Parts],
    waveform: np.ndarray,
    embed: Embed,
    enrolled: Mapping[str, np.ndarray] | None = None,
    threshold: float = -1.0,
    cluster: Cluster = agglomerative,
) -> list[Turn]:
    """Turns with words, in order, from the outputs of each window of `waveform (S,)`.

    With `enrolled` speakers, their recordings as embeddings `(k, E)`, an output has the name of the
    nearest; within a window no two outputs have one name. Outputs below `threshold`, and all where
    nobody is enrolled, are speaker1, speaker2 …: the numbers of the outputs, or in a longer
    recording those of the clusters that `cluster` finds. Raises DataError for an empty `enrolled`
    and for embeddings of another size.
    """
    parts = [[utterances(words) for words in window] for window in windows]
    whole = len(parts) == 1
    if whole:
        numbered = [(number, part) for number, part in enumerate(parts[0]) if part]
    else:
        each = sorted((u for window in parts for part in window for u in part), key=_start)
        numbered = [(0, [utterance]) for utterance in each]
    if not numbered:
        return []
    numbers, speakers = np.array([n for n, _ in numbered]), [speaker for _, speaker in numbered]
    names: list[str | None] = [None] * len(speakers)
    if enrolled is not None or not whole:
        embeddings = embed([speech_of(speaker, speakers, waveform) for speaker in speakers])
        if enrolled is not None:
            names = (assign if whole else attribute)(embeddings, enrolled, threshold)
        unknown = [i for i, name in enumerate(names) if name is None]
        if unknown and not whole:
            numbers[unknown] = cluster(embeddings[unknown], None)
    free = (name for n in count(1) if (name := f"speaker{n}") not in (enrolled or {}))
    labels = list(islice(free, int(numbers.max()) + 1))
    return in_order(
        Turn(name or labels[number], u.start, u.end, " ".join(w.text for w in u.words))
        for name, number, speaker in zip(names, numbers, speakers, strict=True)
        for u in speaker
    )


def utterances(words: Sequence[TimedWord]) -> list[Utterance]:
    """Words in order, divided where a `PAUSE` lies between two."""
    found: list[list[TimedWord]] = []
    for word in words:
        if found and word.start - found[-1][-1].end <= PAUSE * SAMPLE_RATE:
            found[-1].append(word)
        else:
            found.append([word])
    return [Utterance(own) for own in found]


def speech_of(
    speaker: Sequence[Utterance], speakers: Sequence[Sequence[Utterance]], waveform: np.ndarray
) -> np.ndarray:
    """The samples of `waveform (S,)` for the embedding of a speaker: those without other speakers
    if they are enough, else all of the speaker's utterances with some context."""
    others = [u for other in speakers if other is not speaker for u in other]
    own = np.concatenate([_without(u, others, waveform) for u in speaker])
    if len(own) >= ALONE * SAMPLE_RATE and own.any():
        return own
    margin = round(MARGIN * SAMPLE_RATE)
    around = [waveform[max(0, u.start - margin) : u.end + margin] for u in speaker]
    # an encoder refuses silence, in which a recogniser may emit words all the same
    return np.concatenate(around) if any(part.any() for part in around) else waveform


def _without(utterance: Utterance, others: Sequence[Utterance], waveform: np.ndarray) -> np.ndarray:
    """The samples of an utterance that overlap with none of the others."""
    alone = np.ones(utterance.end - utterance.start, dtype=bool)
    for other in others:
        start, end = (max(0, at - utterance.start) for at in (other.start, other.end))
        alone[start:end] = False
    samples: np.ndarray = waveform[utterance.start : utterance.end][alone]
    return samples


def _start(utterance: Utterance) -> Samples:
    return utterance.start
