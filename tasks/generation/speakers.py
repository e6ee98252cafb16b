"""Real speakers: their embeddings, and what is known of their voices."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch

from joint.data.corpus import Corpus, Utterance, readable
from joint.directions import typical
from joint.errors import DataError
from joint.files import plain
from joint.synthesis.pitch import estimate_pitch
from joint.training.progress import shown
from joint.units import SAMPLE_RATE
from tasks.generation.vocabulary import ACCENT, AGE, GENDER, PITCH, RATE, VALUES, Attributes

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Waveforms `(S,)` float32 at 16 kHz to embeddings `(n, E)`."""

PER_SPEAKER, PITCH_OF = 20, 5
"""Utterances of a speaker that are embedded, and those whose pitch is measured."""
LEAST_VOICED = 20
"""Frames without which a recording has no pitch."""


@dataclass(frozen=True)
class Speaker:
    """One person: `embeddings (n, E)` of recordings with their `sessions`, the `labels` (gender,
    age, accent) that are known, the mean of ln(Hertz), and the phones a second (NaN: not known)."""

    name: str
    embeddings: np.ndarray
    sessions: tuple[str | None, ...] = ()
    labels: Attributes = field(default_factory=dict)
    log_hertz: float = float("nan")
    rate: float = float("nan")

    @property
    def typical(self) -> np.ndarray:
        """The speaker's embedding `(E,)`."""
        return typical(self.embeddings)

    def apart(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Two embeddings `(E,)` of the speaker: of the first session and of all others, or, where
        there are no two sessions, of every second recording each; None for one recording."""
        later = np.array([session != self.sessions[0] for session in self.sessions], dtype=bool)
        if not later.any():
            later = np.arange(len(self.embeddings)) % 2 == 1
        if not later.any():
            return None
        return typical(self.embeddings[~later]), typical(self.embeddings[later])

    @property
    def has_sessions(self) -> bool:
        """Whether there are recordings of two sessions."""
        return len(set(self.sessions)) > 1


def known_of(text: str) -> tuple[str, Attributes]:
    """`FOLDER` or `FOLDER:accent=mandarin,age=adult` as the folder and what is known of all its
    speakers. Raises DataError for another attribute, or a value that it cannot have."""
    folder, colon, given = text.rpartition(":")
    if not colon or "=" not in given:
        return text, {}
    labels = dict(item.partition("=")[::2] for item in given.split(","))
    for name, value in labels.items():
        values = {**VALUES, ACCENT: (value,)}
        if name not in (GENDER, AGE, ACCENT) or value not in values[name] or not value:
            expected = "FOLDER:accent=NAME, age=child|adult or gender=f|m, several with commas"
            raise DataError(text, f"{name}={value}", expected)
    return folder, labels


def measured_speakers(
    corpus: Corpus,
    embed: Embed,
    labels: Attributes | None = None,
    per_speaker: int = PER_SPEAKER,
    progress: bool = False,
) -> list[Speaker]:
    """The speakers of a corpus, from at most `per_speaker` utterances of each, spread over all of
    theirs; `labels` hold for all speakers of whom the corpus does not know better.

    Speaking rates are of aligned utterances. Recordings that cannot be read are left out; a speaker
    without any is left out too.
    """
    found = []
    for rows in shown(corpus.of_speaker, "speakers", progress):
        chosen = rows[np.unique(np.linspace(0, len(rows) - 1, per_speaker).astype(int))]
        utterances, waveforms = [], []
        for utterance, waveform in readable(corpus.utterances[i] for i in chosen):
            utterances.append(utterance)
            waveforms.append(waveform)
        if not utterances:
            continue
        own = {GENDER: utterances[0].gender, AGE: utterances[0].age_group}
        known = {name: value for name, value in own.items() if value in VALUES[name]}
        every = max(1, len(waveforms) // PITCH_OF)
        found.append(
            Speaker(
                utterances[0].speaker,
                embed(waveforms),
                tuple(u.session for u in utterances),
                {**(labels or {}), **known},
                _median(map(log_hertz, waveforms[::every])),
                _median(map(phones_a_second, utterances)),
            )
        )
    return found


def log_hertz(waveform: np.ndarray) -> float:
    """The mean of ln(Hertz) over the voiced frames; NaN for few of them."""
    pitch = estimate_pitch(torch.from_numpy(waveform)[None])
    voiced = pitch.log_hertz[pitch.voiced]
    return float(voiced.mean()) if len(voiced) >= LEAST_VOICED else float("nan")


def phones_a_second(utterance: Utterance) -> float:
    """Of an aligned utterance, pauses left out; NaN for any other."""
    if utterance.phones is None:
        return float("nan")
    spoken = utterance.phones.phones > 0
    samples = np.diff(utterance.phones.ends, prepend=0)[spoken].sum()
    return float(spoken.sum() * SAMPLE_RATE / samples) if samples else float("nan")


@dataclass(frozen=True)
class Levels:
    """Where low ends and high begins: medians of ln(Hertz), by gender and age, and of phones a
    second. Speakers of unknown age count as adults."""

    pitch: Mapping[str, float]
    rate: float

    @classmethod
    def of(cls, speakers: Sequence[Speaker]) -> Self:
        """The medians of these speakers."""
        groups: dict[str, list[float]] = {}
        for speaker in speakers:
            groups.setdefault(group_of(speaker.labels), []).append(speaker.log_hertz)
        pitch = {name: _median(values) for name, values in groups.items()}
        return cls(pitch, _median(speaker.rate for speaker in speakers))

    def attributes(self, speaker: Speaker) -> dict[str, str]:
        """All that is known of a speaker's voice, for descriptions."""
        found = dict(speaker.labels)
        group = group_of(speaker.labels)
        if GENDER in found and np.isfinite(speaker.log_hertz) and group in self.pitch:
            found[PITCH] = "low" if speaker.log_hertz < self.pitch[group] else "high"
        if np.isfinite(speaker.rate) and np.isfinite(self.rate):
            found[RATE] = "slow" if speaker.rate < self.rate else "fast"
        return found

    def as_dict(self) -> dict[str, Any]:
        """For a file; None for what is not known."""
        return {"pitch": plain(self.pitch), "rate": plain(self.rate)}

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> Self:
        """What `as_dict` gave. Raises KeyError, TypeError and ValueError for anything else."""
        known = {name: _number(value) for name, value in values["pitch"].items()}
        return cls(known, _number(values["rate"]))


def group_of(labels: Attributes) -> str:
    """The group within which a pitch is low or high, such as `f adult`."""
    return f"{labels.get(GENDER, 'unknown')} {labels.get(AGE, 'adult')}"


def accents_of(speakers: Iterable[Speaker]) -> tuple[str, ...]:
    """The accents of these speakers."""
    return tuple(sorted({s.labels[ACCENT] for s in speakers if ACCENT in s.labels}))


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _median(values: Iterable[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")
