"""Who says what: a recogniser's parts get names, by what an encoder hears where each speaks.

A recording of one piece: whatever a part says is one person's. A longer one: a part may be somebody
else in the next piece, so that every utterance is somebody's by itself.
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
they are, as CTC writes a unit in a frame or two."""

ALONE: Seconds = 1.0
"""Speech without the others that is enough to know a voice by."""

MARGIN: Seconds = 0.3
"""What is heard around an utterance of which there is not enough alone."""


@dataclass(frozen=True)
class Utterance:
    """Consecutive words of one part."""

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
    pieces: Sequence[Parts],
    waveform: np.ndarray,
    embed: Embed,
    enrolled: Mapping[str, np.ndarray] | None = None,
    threshold: float = -1.0,
    cluster: Cluster = agglomerative,
) -> list[Turn]:
    """Turns with words, in order, from the parts of each piece of `waveform (S,)`.

    With `enrolled` people, their recordings as embeddings `(k, E)`, a voice has the name of the
    nearest; of one piece no two parts have one name. Voices below `threshold`, and all where nobody
    is enrolled, are speaker1, speaker2 …: numbers of the parts, or in a longer recording of what
    `cluster` finds. Raises DataError for nobody enrolled and for embeddings of another size.
    """
    parts = [[utterances(words) for words in piece] for piece in pieces]
    whole = len(parts) == 1
    if whole:
        numbered = [(number, part) for number, part in enumerate(parts[0]) if part]
    else:
        alone = sorted((u for piece in parts for part in piece for u in part), key=_start)
        numbered = [(0, [utterance]) for utterance in alone]
    if not numbered:
        return []
    numbers, voices = np.array([n for n, _ in numbered]), [voice for _, voice in numbered]
    names: list[str | None] = [None] * len(voices)
    if enrolled is not None or not whole:
        embeddings = embed([heard(voice, voices, waveform) for voice in voices])
        if enrolled is not None:
            names = (assign if whole else attribute)(embeddings, enrolled, threshold)
        strange = [i for i, name in enumerate(names) if name is None]
        if strange and not whole:
            numbers[strange] = cluster(embeddings[strange], None)
    free = (name for n in count(1) if (name := f"speaker{n}") not in (enrolled or {}))
    strangers = list(islice(free, int(numbers.max()) + 1))
    return in_order(
        Turn(name or strangers[number], u.start, u.end, " ".join(w.text for w in u.words))
        for name, number, voice in zip(names, numbers, voices, strict=True)
        for u in voice
    )


def utterances(words: Sequence[TimedWord]) -> list[Utterance]:
    """Words in order, cut where nothing is written for a `PAUSE`."""
    found: list[list[TimedWord]] = []
    for word in words:
        if found and word.start - found[-1][-1].end <= PAUSE * SAMPLE_RATE:
            found[-1].append(word)
        else:
            found.append([word])
    return [Utterance(own) for own in found]


def heard(
    voice: Sequence[Utterance], voices: Sequence[Sequence[Utterance]], waveform: np.ndarray
) -> np.ndarray:
    """The samples of `waveform (S,)` by which a voice is known: where no other voice speaks, if
    that is enough, else wherever it speaks, others in it."""
    others = [u for other in voices if other is not voice for u in other]
    own = np.concatenate([_without(u, others, waveform) for u in voice])
    if len(own) >= ALONE * SAMPLE_RATE and own.any():
        return own
    margin = round(MARGIN * SAMPLE_RATE)
    around = [waveform[max(0, u.start - margin) : u.end + margin] for u in voice]
    # An encoder refuses silence, into which a recogniser may write all the same.
    return np.concatenate(around) if any(part.any() for part in around) else waveform


def _without(utterance: Utterance, others: Sequence[Utterance], waveform: np.ndarray) -> np.ndarray:
    """The samples of an utterance in which none of the others speaks."""
    alone = np.ones(utterance.end - utterance.start, dtype=bool)
    for other in others:
        start, end = (max(0, at - utterance.start) for at in (other.start, other.end))
        alone[start:end] = False
    samples: np.ndarray = waveform[utterance.start : utterance.end][alone]
    return samples


def _start(utterance: Utterance) -> Samples:
    return utterance.start
