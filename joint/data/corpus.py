"""Corpus: utterances with their speakers and texts, for training and evaluation alike."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from joint.audio import read_audio
from joint.data.phones import PhoneIntervals, TimedWord
from joint.data.storage.shard import Stored
from joint.errors import AudioError, DataError
from joint.units import SAMPLE_RATE, Samples, Seconds

RECORDINGS, SUPERVISIONS = "recordings.jsonl.gz", "supervisions.jsonl.gz"
SHARD_CACHE = "exp/shards"
"""Where shards of a URL are kept unless another folder is named."""

ADULT_AGE = 16
"""In years; younger speakers are children."""


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording of one person.

    Attributes:
        path: The audio file; for a recording in a shard (`stored`), its name in messages.
        gender: `f` or `m`; None if unknown, as for the other labels.
        age: In years.
        age_group: `child` (below 16 years) or `adult`; derived from `age` if not given.
        session: What of the speaker was recorded on one occasion, such as a chapter of a book.
        samples: Length at 16 kHz and natural speed; 0 if the audio has not been opened yet or
            cannot be read.
        phones, words: From an alignment.
        pronunciation: `(P,)`, the phones without times, as indices into the corpus's inventory.
    """

    id: str
    path: str
    speaker: str
    text: str = ""
    gender: str | None = None
    age: int | None = None
    age_group: str | None = None
    samples: Samples = 0
    stored: Stored | None = None
    phones: PhoneIntervals | None = None
    words: tuple[TimedWord, ...] | None = None
    pronunciation: np.ndarray | None = None
    session: str | None = None

    def __post_init__(self) -> None:
        # A corpus holds millions: a Path is several times as large as its string.
        object.__setattr__(self, "path", os.fspath(self.path))
        if self.age_group is None and self.age is not None:
            object.__setattr__(self, "age_group", "child" if self.age < ADULT_AGE else "adult")

    @property
    def seconds(self) -> Seconds:
        """Its length at natural speed."""
        return self.samples / SAMPLE_RATE

    def waveform(self) -> np.ndarray:
        """All of it at natural speed, float32 `(S,)`. Raises AudioError; DataError for a shard."""
        return read_audio(self.path) if self.stored is None else self.stored.waveform(self.id)

    def length(self, speed: float) -> Samples:
        """Samples after the speed change."""
        return int(self.samples / speed)


def readable(utterances: Iterable[Utterance]) -> Iterator[tuple[Utterance, np.ndarray]]:
    """Each utterance with its waveform; those that cannot be read are left out and logged."""
    for utterance in utterances:
        try:
            waveform = utterance.waveform()
        except AudioError as error:
            logger.warning("skipped %s: %s", utterance.id, error)
            continue
        yield utterance, waveform


class Corpus:
    """Utterances in the order of their ids; each speaker is an integer class.

    Args:
        where: The folder or URL, for messages.
        phones: The phone inventory of the utterances' alignments, silence first; `()` where the
            corpus is not aligned.

    Raises DataError if there is no utterance or an id occurs twice.
    """

    def __init__(
        self, utterances: list[Utterance], where: str | Path, phones: tuple[str, ...] = ()
    ) -> None:
        if not utterances:
            raise DataError(where, "no utterance", "at least one")
        self.where = str(where)
        self.phones = phones
        self.utterances = sorted(utterances, key=lambda u: u.id)
        self.speakers = sorted({u.speaker for u in utterances})
        for one, other in pairwise(self.utterances):
            if one.id == other.id:
                raise DataError(where, f"{one.id} a second time", "every id once")

    def __len__(self) -> int:
        return len(self.utterances)

    @cached_property
    def numbers(self) -> np.ndarray:
        """The indices `(utterances,)` that batches give its utterances, ascending: its own, unless
        it is a subset of a training's corpus."""
        return np.arange(len(self))

    @property
    def epoch_size(self) -> int:
        """Utterances that an epoch visits."""
        return len(self)

    def visited(self, seed: int, epoch: int) -> np.ndarray:
        """The utterances that an epoch visits, `(epoch_size,)`, in the order of their indices."""
        return np.arange(len(self))

    @cached_property
    def scene_utterances(self) -> np.ndarray:
        """The utterances that scenes are planned of, in order: all of them, unless the corpus is
        the part of a larger one that a stream reads."""
        return self._scene_utterances()

    def _scene_utterances(self) -> np.ndarray:
        return np.arange(len(self))

    @cached_property
    def scene_speakers(self) -> np.ndarray:
        """Classes of the speakers of `scene_utterances`, in order."""
        return np.unique(self.speaker_of[self.scene_utterances])

    def peers(self, speaker: int) -> np.ndarray:
        """Classes of the speakers whose recordings come from where this one's do, in order."""
        return self.scene_speakers

    @cached_property
    def by_id(self) -> Mapping[str, Utterance]:
        """Each utterance under its id, in order."""
        return {utterance.id: utterance for utterance in self.utterances}

    @cached_property
    def speaker_of(self) -> np.ndarray:
        """Class of each utterance's speaker, `(utterances,)`."""
        index = {speaker: i for i, speaker in enumerate(self.speakers)}
        return np.array([index[u.speaker] for u in self.utterances])

    @cached_property
    def phrases(self) -> list[str]:
        """The different texts, sorted."""
        return sorted({u.text for u in self.utterances})

    @cached_property
    def phrase_of(self) -> np.ndarray:
        """Class of each utterance's text among `phrases`, `(utterances,)`."""
        index = {phrase: i for i, phrase in enumerate(self.phrases)}
        return np.array([index[u.text] for u in self.utterances])

    @cached_property
    def of_speaker(self) -> list[np.ndarray]:
        """Utterance indices of each speaker."""
        # One sort: a look at every utterance for every speaker takes hours where both are many.
        order = np.argsort(self.speaker_of, kind="stable")
        counts = np.bincount(self.speaker_of, minlength=len(self.speakers))
        return np.split(order, np.cumsum(counts)[:-1])
