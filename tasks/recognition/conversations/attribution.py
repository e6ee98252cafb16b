"""Speaker-attributed transcripts: the outputs of a recogniser get names.

In a recording of one window an output is one speaker, and has a name by its embedding. In a longer
one an output may be another speaker in the next window, so that every word has the name of the
speaker who talks then, as diarization finds it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from joint.conversation.naming import assign
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

    def turn(self, speaker: str) -> Turn:
        """As a turn of `speaker`."""
        return Turn(speaker, self.start, self.end, " ".join(word.text for word in self.words))


def attributed(
    parts: Parts,
    waveform: np.ndarray,
    embed: Embed,
    enrolled: Mapping[str, np.ndarray] | None = None,
    threshold: float = -1.0,
) -> list[Turn]:
    """Turns with words, in order, from the outputs for a `waveform (S,)` of one window.

    With `enrolled` speakers, their recordings as embeddings `(k, E)`, an output has the name of the
    nearest, and no two outputs have one name. Outputs below `threshold`, and all where nobody is
    enrolled, are speaker1, speaker2 …: the numbers of the outputs. Raises DataError for an empty
    `enrolled` and for embeddings of another size.
    """
    numbered = [(n, part) for n, words in enumerate(parts) if (part := utterances(words))]
    if not numbered:
        return []
    speakers = [speaker for _, speaker in numbered]
    names: list[str | None] = [None] * len(speakers)
    if enrolled is not None:
        embeddings = embed([speech_of(speaker, speakers, waveform) for speaker in speakers])
        names = assign(embeddings, enrolled, threshold)
    free = (name for n in count(1) if (name := f"speaker{n}") not in (enrolled or {}))
    labels = list(islice(free, len(parts)))
    return in_order(
        u.turn(name or labels[number])
        for name, (number, speaker) in zip(names, numbered, strict=True)
        for u in speaker
    )


def spoken_in(windows: Iterable[Parts], turns: Sequence[Turn]) -> list[Turn]:
    """Turns with words, in order, from the outputs of each window and the `turns` of a diarizer,
    who may overlap.

    A word belongs to who talks at its middle; where several do, an output goes on with the speaker
    that it has, and else has one that no other output has. A word outside of all turns belongs to
    the nearest; where there is none, all words are speaker1's.
    """
    names = [turn.speaker for turn in turns] or ["speaker1"]
    starts = np.array([turn.start for turn in turns] or [0])
    ends = np.array([turn.end for turn in turns] or [1])
    found: list[Turn] = []
    open_: dict[int, tuple[str, list[TimedWord]]] = {}
    for parts in windows:
        spoken = [(word, output) for output, words in enumerate(parts) for word in words]
        for word, output in sorted(spoken, key=lambda pair: pair[0].start):
            middle = (word.start + word.end) / 2
            away = np.maximum(np.maximum(starts - middle, middle - ends), 0)
            possible = [names[i] for i in np.flatnonzero(away == away.min())]
            before = open_.get(output)
            others = {
                who for n, (who, own) in open_.items() if n != output and own[-1].end > word.start
            }
            if before is not None and before[0] in possible:
                who = before[0]
            else:
                who = next((name for name in possible if name not in others), possible[0])
            pause = before is None or word.start - before[1][-1].end > PAUSE * SAMPLE_RATE
            if before is not None and who == before[0] and not pause:
                before[1].append(word)
                continue
            if before is not None:
                found.append(Utterance(before[1]).turn(before[0]))
            open_[output] = who, [word]
    found += [Utterance(words).turn(who) for who, words in open_.values()]
    return in_order(found)


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
