"""Recorded noises and rooms as scenes take them: drawn by a plan, read when it is rendered."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from joint.data.corpus import Corpus
from joint.data.recorded.folders import MUSIC, NOISE, SPEECH
from joint.data.storage.store import JoinedStore, PackedStore
from joint.errors import DataError
from joint.scene import Stretch
from joint.units import Decibels, Samples

BABBLE = (3, 7)
"""Voices of babble, at least and at most."""
SNR_DB: Mapping[str, tuple[Decibels, Decibels]] = {
    NOISE: (0.0, 15.0),
    MUSIC: (5.0, 15.0),
    SPEECH: (13.0, 20.0),
}
"""The ranges that Kaldi's recipes for MUSAN draw from (Snyder et al., 2018)."""
SILENCE = 1e-10
"""Power under which a waveform counts as silent."""
DECAY = 1e-6
"""Share of a response's energy behind which it is cut off."""

logger = logging.getLogger(__name__)


class Noises:
    """Recorded noises: a corpus whose speakers are kinds, and the store of its waveforms.

    Args:
        snr_db: Level of the speech over each kind of noise; `speech` is babble of several voices.
    """

    def __init__(
        self,
        corpus: Corpus,
        store: PackedStore | JoinedStore,
        snr_db: Mapping[str, tuple[Decibels, Decibels]] = SNR_DB,
    ) -> None:
        self.corpus, self.store, self.snr_db = corpus, store, dict(snr_db)
        self.skipped = skipped(corpus, store)
        usable = usable_files(corpus, self.skipped)
        # the kind is the end of a name: of several folders, `musan/music` is music too
        kinds = np.array([u.speaker.rpartition("/")[2] for u in corpus.utterances])
        self.of_kind = {str(k): usable[kinds[usable] == k] for k in np.unique(kinds[usable])}

    def draw(self, rng: Generator, length: Samples) -> tuple[tuple[Stretch, ...], Decibels]:
        """The noise for speech of `length` Samples: a stretch of one file, or several voices, and
        its SNR. Kinds are equally frequent."""
        kinds = sorted(self.of_kind)
        kind = kinds[int(rng.integers(len(kinds)))]
        files, count = self.of_kind[kind], 1
        if kind == SPEECH:
            fewest, most = (min(voices, len(files)) for voices in BABBLE)
            count = int(rng.integers(fewest, most + 1))
        chosen = rng.choice(files, size=count, replace=False)
        stretches = tuple(
            Stretch(int(file), self._begin(rng, int(file), length)) for file in chosen
        )
        return stretches, float(rng.uniform(*self.snr_db[kind]))

    def _begin(self, rng: Generator, file: int, length: Samples) -> Samples:
        spare = self.corpus.utterances[file].samples - length
        return int(rng.integers(spare + 1)) if spare > 0 else 0

    def waveform(self, stretches: Sequence[Stretch], length: Samples) -> np.ndarray:
        """What `draw` planned, float32 `(length,)`: short files are repeated, voices have the same
        level."""
        waveforms = [self._read(stretch, length) for stretch in stretches]
        if len(waveforms) == 1:
            return waveforms[0]
        powers = [float(np.mean(np.square(w, dtype=np.float64))) for w in waveforms]
        levelled = [w / np.sqrt(p + SILENCE) for w, p in zip(waveforms, powers, strict=True)]
        return np.stack(levelled).sum(axis=0, dtype=np.float32)

    def _read(self, stretch: Stretch, length: Samples) -> np.ndarray:
        found = self.store.read(stretch.file, 1.0, stretch.start, length)
        return np.tile(found, -(-length // len(found)))[:length]


class Rooms:
    """Recorded responses of rooms: a corpus whose speakers are rooms, and its store."""

    def __init__(self, corpus: Corpus, store: PackedStore | JoinedStore) -> None:
        self.corpus, self.store = corpus, store
        self.skipped = skipped(corpus, store)
        self.usable = usable_files(corpus, self.skipped)
        known = np.zeros(len(corpus), dtype=bool)
        known[self.usable] = True
        self.of_room = [own[known[own]] for own in corpus.of_speaker]

    def draw(self, rng: Generator, count: int) -> tuple[int, ...]:
        """Responses of one room from `count` places; some again where the room has fewer."""
        first = int(rng.choice(self.usable))
        own = self.of_room[self.corpus.speaker_of[first]]
        others = rng.permutation(own[own != first])[: count - 1]
        return tuple(int(x) for x in np.resize([first, *others], count))

    def responses(self, files: Sequence[int]) -> np.ndarray:
        """Responses `(count, samples)`, each with its direct path first and of height 1."""
        found = [
            aligned(self.store.read(f, 1.0, 0, self.corpus.utterances[f].samples)) for f in files
        ]
        longest = max(map(len, found))
        return np.stack([np.pad(response, (0, longest - len(response))) for response in found])


@dataclass(frozen=True)
class Surroundings:
    """What scenes have beside simulated noises and rooms."""

    noises: Noises | None = None
    rooms: Rooms | None = None

    @property
    def skipped(self) -> dict[str, str]:
        """Files that cannot be used, with the reasons."""
        found = [part.skipped for part in (self.noises, self.rooms) if part is not None]
        return {name: reason for one in found for name, reason in one.items()}


def aligned(response: np.ndarray) -> np.ndarray:
    """A response from its direct path on, the largest sample, which becomes 1; cut off where the
    energy that is left is below a millionth."""
    from_peak = response[int(np.abs(response).argmax()) :]
    left = np.cumsum(np.square(from_peak[::-1], dtype=np.float64))[::-1]
    end = max(1, int(np.searchsorted(-left, -DECAY * left[0])))
    kept: np.ndarray = from_peak[:end] / from_peak[0]
    return kept


def skipped(corpus: Corpus, store: PackedStore | JoinedStore) -> dict[str, str]:
    """Files that cannot be used, with the reasons; their number is logged."""
    found = {corpus.utterances[i].id: str(error) for i, error in store.unreadable.items()}
    if found:
        name, reason = next(iter(found.items()))
        count = f"{len(found)} of {len(corpus)}"
        logger.warning("%s: skipped %s files (%s: %s)", corpus.where, count, name, reason)
    return found


def usable_files(corpus: Corpus, without: Mapping[str, str]) -> np.ndarray:
    """Indices of the files that have sound. Raises DataError where there is none."""
    kept = [i for i, u in enumerate(corpus.utterances) if u.samples and u.id not in without]
    if not kept:
        raise DataError(corpus.where, f"no usable file of {len(corpus)}", "one at least")
    return np.array(kept)
