"""Who speaks what in a study of synthetic voices, and what is measured of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from joint.data.corpus import Corpus, Utterance
from joint.errors import DataError
from joint.synthesis.evaluation.instruments import Instruments, Measured
from joint.training.progress import shown
from joint.units import Seconds

NATURAL = "natural"
REFERENCE_SECONDS: Seconds = 3.0
"""Least length of the recordings that enrol a person."""
SENTENCE_SECONDS: tuple[Seconds, Seconds] = (1.5, 6.0)
"""Lengths of the recordings whose words are spoken."""

Make = Callable[["Sentence"], np.ndarray]
"""What a system makes of a sentence: a waveform `(S,)`, float32 at 16 kHz."""


@dataclass(frozen=True)
class Voice:
    """A person of the study by four kinds of recordings, all of them different: the `reference` is
    what a system is given of the voice, `enrolled` what verification knows the person by,
    `spoken` are natural recordings of the sentences."""

    speaker: str
    reference: Utterance
    enrolled: Utterance
    spoken: tuple[Utterance, ...]


@dataclass(frozen=True)
class Sentence:
    """A sentence that a system speaks: its `text`, the waveform of the voice's `reference` with its
    `words`, and `source`, another person's natural recording for systems that convert."""

    text: str
    reference: np.ndarray
    words: str
    source: np.ndarray


@dataclass
class Speech:
    """The recordings of a study, measured. Row r of each system in `measured` (NATURAL among them)
    is sentence r; `owner (n,)` is the index of its voice in `voices`, and of its row in `enrolled`;
    `characters (n,)` is the length of its text. `sounds` are the waveforms of the rows that are
    played."""

    voices: list[Voice]
    owner: np.ndarray
    characters: np.ndarray
    enrolled: list[Measured]
    measured: dict[str, list[Measured]]
    sounds: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)

    def embeddings(self, system: str, encoder: str) -> np.ndarray:
        """Of a system's recordings by one encoder, `(n, E)`, of length one."""
        return np.stack([m.embeddings[encoder] for m in self.measured[system]])

    def enrolments(self, encoder: str) -> np.ndarray:
        """Of the voices' enrolments, `(N, E)`, of length one."""
        return np.stack([m.embeddings[encoder] for m in self.enrolled])

    @property
    def systems(self) -> list[str]:
        """The names of those that make speech."""
        return [name for name in self.measured if name != NATURAL]


def choose_voices(corpus: Corpus, speakers: int, sentences: int, seed: int = 0) -> list[Voice]:
    """At most `speakers` voices of people with recordings enough, drawn by the seed, as many of
    each gender as there are; of each `sentences` recordings that are spoken.

    Raises DataError where fewer than 5 people have them.
    """
    draw = np.random.default_rng(seed)
    found = []
    for number in draw.permutation(len(corpus.of_speaker)):
        own = [corpus.utterances[i] for i in draw.permutation(corpus.of_speaker[number])]
        low, high = SENTENCE_SECONDS
        spoken = [u for u in own if low <= u.seconds <= high and u.text][:sentences]
        long = [u for u in own if u.seconds >= REFERENCE_SECONDS and u not in spoken][:2]
        if len(spoken) == sentences and len(long) == 2:
            found.append(Voice(own[0].speaker, long[0], long[1], tuple(spoken)))
    if len(found) < 5:
        expected = f"5 with {sentences} sentences of {low:g} to {high:g} s and 2 other recordings"
        raise DataError(corpus.where, f"{len(found)} such speakers", expected)
    return sorted(found[:speakers], key=lambda voice: voice.speaker)


def measure_voices(
    voices: Sequence[Voice],
    systems: Mapping[str, Make],
    instruments: Instruments,
    played: int = 0,
    progress: bool = True,
) -> Speech:
    """Let every system speak every sentence, and measure it beside the natural recordings. The
    source of a sentence is the next person's recording. `played` rows, evenly spaced, are kept.

    Raises AudioError for a recording that cannot be read, JointError where a system fails.
    """
    rows = [(number, place) for number, v in enumerate(voices) for place in range(len(v.spoken))]
    kept = set(np.linspace(0, len(rows) - 1, min(played, len(rows))).round().astype(int).tolist())
    texts = [voices[number].spoken[place].text for number, place in rows]
    speech = Speech(
        list(voices),
        np.array([number for number, _ in rows]),
        np.array([len(text) for text in texts]),
        [instruments.identity(voice.enrolled.waveform()) for voice in voices],
        {name: [] for name in (NATURAL, *systems)},
    )
    for row, (number, place) in enumerate(shown(rows, "speaking", progress)):
        voice, other = voices[number], voices[(number + 1) % len(voices)]
        natural = voice.spoken[place].waveform()
        reference, source = voice.reference, other.spoken[place].waveform()
        sentence = Sentence(texts[row], reference.waveform(), reference.text, source)
        made = {NATURAL: natural} | {name: make(sentence) for name, make in systems.items()}
        for name, waveform in made.items():
            speech.measured[name].append(instruments.identity(waveform))
        if row in kept:
            speech.sounds[row] = made
    return speech
