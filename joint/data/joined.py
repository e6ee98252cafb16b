"""Several corpora as one: their speakers are different classes, and each has a weight."""

import copy
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from zlib import crc32

import numpy as np
from numpy.random import default_rng

from joint.data.corpus import Corpus, Utterance
from joint.errors import DataError, first_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """One of the corpora that were joined: utterances `start` to `stop` of the whole.

    `weight` is how often an epoch visits each of its utterances, on average.
    """

    name: str
    where: str
    weight: float
    start: int
    stop: int

    @property
    def visits(self) -> int:
        """Utterances of this corpus in an epoch."""
        return max(1, round(self.weight * (self.stop - self.start)))

    def visited(self, seed: int, epoch: int) -> np.ndarray:
        """The utterances `(visits,)` of an epoch.

        Epoch after epoch takes the next ones of an endless row of shuffles of the corpus: none is
        visited once more before all others have been.
        """
        size, first = self.stop - self.start, epoch * self.visits
        if self.visits == size:
            return np.arange(self.start, self.stop)
        shuffles = range(first // size, (first + self.visits - 1) // size + 1)
        row = np.concatenate(
            [
                default_rng((seed, n, 6, crc32(self.name.encode()))).permutation(size)
                for n in shuffles
            ]
        )
        return self.start + row[first % size : first % size + self.visits]


class JoinedCorpus(Corpus):
    """Corpora under the names that they have in a recipe.

    An utterance `u` of the corpus `a` is called `a/u` here, and a speaker `s` is `a/s`: two
    corpora that both have a speaker `s` have two. Scenes are planned of all of them, or, for a
    stream that names some, of these (`only`); classes and indices are those of the whole.

    Args:
        weights: How often an epoch visits each utterance of a corpus, on average; 1 where a corpus
            has none.

    Raises DataError where two corpora have the same recordings or other phone inventories. A
    corpus that is not aligned has no phones beside ones that are.
    """

    def __init__(
        self, corpora: Mapping[str, Corpus], weights: Mapping[str, float] | None = None
    ) -> None:
        where = ", ".join(corpus.where for corpus in corpora.values())
        refuse_same_recordings(corpora)
        named = [u for name, corpus in corpora.items() for u in renamed(corpus.utterances, name)]
        super().__init__(named, where, common_phones(corpora))
        self.parts: tuple[Part, ...] = ()
        start = 0
        # the order of the ids, in which the corpora lie one behind the other
        for name in sorted(corpora, key=lambda name: f"{name}/"):
            stop, weight = start + len(corpora[name]), (weights or {}).get(name, 1.0)
            self.parts += (Part(name, corpora[name].where, weight, start, stop),)
            start = stop
        self.chosen = self.parts

    def only(self, names: Collection[str]) -> "JoinedCorpus":
        """The same corpus, of which scenes are planned with some of its parts alone."""
        view = copy.copy(self)
        for cached in ("scene_utterances", "scene_speakers", "speakers_of_parts"):
            view.__dict__.pop(cached, None)
        view.chosen = tuple(part for part in self.parts if part.name in names)
        view.where = ", ".join(part.where for part in view.chosen)
        return view

    def subset(self, names: Collection[str]) -> Corpus:
        """Some of its parts alone, with their utterances and speakers under the names here; its
        `numbers` are the indices here."""
        parts = [part for part in self.parts if part.name in names]
        utterances = [u for part in parts for u in self.utterances[part.start : part.stop]]
        found = Corpus(utterances, ", ".join(part.where for part in parts), self.phones)
        found.numbers = np.concatenate([np.arange(part.start, part.stop) for part in parts])
        return found

    def member(self, part: Part) -> Corpus:
        """One of the corpora as it was before, with its own names."""
        skipped = len(part.name) + 1
        own = [
            replace(u, id=u.id[skipped:], speaker=u.speaker[skipped:])
            for u in self.utterances[part.start : part.stop]
        ]
        return Corpus(own, part.where, self.phones)

    @property
    def epoch_size(self) -> int:
        """See Corpus."""
        return sum(part.visits for part in self.chosen)

    def visited(self, seed: int, epoch: int) -> np.ndarray:
        """See Corpus."""
        return np.concatenate([part.visited(seed, epoch) for part in self.chosen])

    @cached_property
    def speakers_of_parts(self) -> list[np.ndarray]:
        """Classes of the speakers of each corpus that scenes are planned of, in order."""
        return [np.unique(self.speaker_of[part.start : part.stop]) for part in self.chosen]

    def peers(self, speaker: int) -> np.ndarray:
        """See Corpus: the speakers of the same corpus."""
        for speakers in self.speakers_of_parts:
            if speakers[0] <= speaker <= speakers[-1]:  # a corpus's are called PART/… and follow
                return speakers
        raise ValueError(f"no scene has speaker {speaker}")

    def _scene_utterances(self) -> np.ndarray:
        return np.concatenate([np.arange(part.start, part.stop) for part in self.chosen])


def renamed(utterances: Iterable[Utterance], corpus: str) -> Iterable[Utterance]:
    """Utterances with the name of their corpus before their ids and speakers."""
    speakers: dict[str, str] = {}  # one string for all utterances of a speaker
    for u in utterances:
        speaker = speakers.setdefault(u.speaker, f"{corpus}/{u.speaker}")
        yield replace(u, id=f"{corpus}/{u.id}", speaker=speaker)


def common_phones(corpora: Mapping[str, Corpus]) -> tuple[str, ...]:
    """The phone inventory of those corpora that are aligned. Raises DataError where they differ."""
    aligned = [corpus for corpus in corpora.values() if corpus.phones]
    for corpus in aligned[1:]:
        if corpus.phones != aligned[0].phones:
            other = sorted(set(corpus.phones) ^ set(aligned[0].phones))
            found = f"other phones ({first_of(other) or 'in another order'})"
            raise DataError(corpus.where, found, f"those of {aligned[0].where}")
    return aligned[0].phones if aligned else ()


def refuse_same_recordings(corpora: Mapping[str, Corpus]) -> None:
    """Raises DataError where a recording is in two corpora: one person would be two classes."""
    seen: dict[object, tuple[str, str]] = {}
    for name, corpus in corpora.items():
        for u in corpus.utterances:
            key: object = u.path
            if u.stored is not None:
                key = (u.stored.shard.sha256, u.stored.offset)
            other, utterance = seen.setdefault(key, (name, u.id))
            if other != name:
                found = f"{u.id}, the recording of {utterance} in {corpora[other].where}"
                raise DataError(corpus.where, found, "every recording in one corpus")


def warn_of_same_speakers(corpora: Mapping[str, Corpus]) -> None:
    """Say so, in one line, where speakers of different corpora have the same names."""
    counts = Counter(speaker for corpus in corpora.values() for speaker in corpus.speakers)
    if shared := sorted(speaker for speaker, count in counts.items() if count > 1):
        logger.warning(
            "%d speakers have the same names in several of the corpora %s (%s): they count as "
            "different people",
            len(shared),
            ", ".join(corpora),
            first_of(shared),
        )
