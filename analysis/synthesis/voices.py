"""Who speaks what in a study of synthetic voices, and what is measured of it."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from joint.data.corpus import Corpus, Utterance
from joint.errors import DataError
from joint.synthesis.evaluation.instruments import Instruments, Measured
from joint.training.progress import shown
from joint.units import Seconds

logger = logging.getLogger(__name__)

NATURAL = "natural"
FEWEST = 5
"""Voices that a study has."""
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
    `characters (n,)` of each system is the length of the text that it says. `sounds` are the
    waveforms of the rows that are played."""

    voices: list[Voice]
    owner: np.ndarray
    characters: dict[str, np.ndarray]
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


def choose_voices(
    corpus: Corpus, speakers: int, sentences: int, seed: int = 0, with_words: bool = False
) -> list[Voice]:
    """At most `speakers` voices of people with recordings enough, drawn by the seed, as many of
    each gender as there are; of each `sentences` recordings that are spoken. `with_words`: the text
    of each reference is known.

    Raises DataError where fewer than 5 people have them.
    """
    draw = np.random.default_rng(seed)
    found = []
    for number in draw.permutation(len(corpus.of_speaker)):
        own = [corpus.utterances[i] for i in draw.permutation(corpus.of_speaker[number])]
        low, high = SENTENCE_SECONDS
        spoken = [u for u in own if low <= u.seconds <= high and u.text][:sentences]
        long = [u for u in own if u.seconds >= REFERENCE_SECONDS and u not in spoken]
        if with_words:
            long.sort(key=lambda u: not u.text)  # those with a text first
        if len(spoken) == sentences and len(long) >= 2 and (long[0].text or not with_words):
            found.append(Voice(own[0].speaker, long[0], long[1], tuple(spoken)))
    if len(found) < FEWEST:
        expected = (
            f"{FEWEST} with {sentences} sentences of {low:g} to {high:g} s and 2 other recordings"
        )
        raise DataError(corpus.where, f"{len(found)} such speakers", expected)
    return sorted(found[:speakers], key=lambda voice: voice.speaker)


def measure_voices(
    voices: Sequence[Voice],
    systems: Mapping[str, Make],
    instruments: Instruments,
    played: int = 0,
    progress: bool = True,
    converters: Collection[str] = (),
) -> Speech:
    """Let every system speak every sentence, and measure it beside the natural recordings. The
    source of a sentence is the next person's recording, whose words the `converters` among the
    systems say. `played` rows, evenly spaced, are kept. A voice whose recordings a system cannot
    use is left out, and a line says so.

    Raises AudioError for a recording that cannot be read, JointError where a system fails, and
    DataError where fewer than 5 voices are left.
    """
    count = sum(len(voice.spoken) for voice in voices)
    kept = set(np.linspace(0, count - 1, min(played, count)).round().astype(int).tolist())
    names = (NATURAL, *systems)
    speech = Speech([], np.zeros(0, int), {}, [], {name: [] for name in names})
    owner: list[int] = []
    characters: dict[str, list[int]] = {name: [] for name in names}
    planned = 0
    for number, voice in enumerate(shown(voices, "speaking", progress)):
        other = voices[(number + 1) % len(voices)]
        places = range(planned, planned + len(voice.spoken))
        planned += len(voice.spoken)
        try:
            made = [_made(voice, other, place, systems) for place in range(len(voice.spoken))]
        except DataError as error:
            logger.warning("the voice %s is left out: %s", voice.speaker, error)
            continue
        for place, (row, sounds) in enumerate(zip(places, made, strict=True)):
            for name, waveform in sounds.items():
                said = other if name in converters else voice
                characters[name].append(len(said.spoken[place].text))
                speech.measured[name].append(instruments.identity(waveform))
            if row in kept:
                speech.sounds[len(owner)] = sounds
            owner.append(len(speech.voices))
        speech.voices.append(voice)
        speech.enrolled.append(instruments.identity(voice.enrolled.waveform()))
    if len(speech.voices) < FEWEST:
        found = f"{len(speech.voices)} of {len(voices)} voices that all systems can speak in"
        raise DataError("voices", found, f"{FEWEST} or more")
    speech.owner = np.array(owner)
    speech.characters = {name: np.array(counts) for name, counts in characters.items()}
    return speech


def _made(
    voice: Voice, other: Voice, place: int, systems: Mapping[str, Make]
) -> dict[str, np.ndarray]:
    """The natural recording of a sentence, and what each system makes of it."""
    spoken, reference = voice.spoken[place], voice.reference
    source = other.spoken[place].waveform()
    sentence = Sentence(spoken.text, reference.waveform(), reference.text, source)
    made = {name: make(sentence) for name, make in systems.items()}
    return {NATURAL: spoken.waveform()} | made
