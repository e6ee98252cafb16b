"""What a teacher makes of every recording of a training, kept in one file."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from joint.data.batching import batches_by_length
from joint.data.corpus import Corpus
from joint.data.storage.store import WaveformStore
from joint.errors import AudioError, DataError
from joint.files import atomic_path
from joint.training.progress import shown
from joint.units import SAMPLE_RATE, Samples
from tasks.distillation.space import UNREADABLE, check_dimensions, rotation_between

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Waveforms `(S,)` float32 at 16 kHz to embeddings `(n, E)`."""

WRITTEN = "a file of python -m recipes.distillation.targets"

LONGEST: Samples = 15 * SAMPLE_RATE
"""Of a recording that a teacher reads."""


@dataclass(frozen=True)
class Targets:
    """A teacher's embeddings `(V, U, E)`, of unit length, of U recordings at V speeds; zero where a
    recording could not be read."""

    names: list[str]
    speeds: list[float]
    embeddings: np.ndarray

    def save(self, path: Path) -> None:
        """Write them, atomically."""
        names, speeds = np.array(self.names), np.array(self.speeds)
        with atomic_path(path) as unfinished, unfinished.open("wb") as file:
            np.savez(file, names=names, speeds=speeds, embeddings=self.embeddings)

    @classmethod
    def load(cls, path: str | Path) -> "Targets":
        """Read what `save` wrote. Raises DataError for another file."""
        try:
            with np.load(path, allow_pickle=False) as found:
                names, speeds = found["names"].tolist(), found["speeds"].tolist()
                embeddings = found["embeddings"].astype(np.float32)
        except UNREADABLE as error:
            raise DataError(path, f"no targets ({error})", WRITTEN) from None
        return cls(names, speeds, embeddings)

    def of(self, corpus: Corpus, where: str | Path) -> np.ndarray:
        """The embeddings `(V, U, E)` in the order of the corpus's utterances. Raises DataError for
        an utterance that has none."""
        rows = {name: row for row, name in enumerate(self.names)}
        missing = [u.id for u in corpus.utterances if u.id not in rows]
        if missing:
            found = f"no targets of {len(missing)} utterances, {missing[0]} first"
            raise DataError(where, found, f"those of {corpus.where}")
        return self.embeddings[:, [rows[u.id] for u in corpus.utterances]]


def embedded(
    embed: Embed, corpus: Corpus, store: WaveformStore, speeds: Sequence[float], progress: bool
) -> Targets:
    """The teacher's embeddings of the whole recordings, without their mean over the corpus. Those
    longer than `LONGEST` are cut.

    Raises DataError where no recording can be read.
    """
    jobs = [(v, u) for v in range(len(speeds)) for u in range(len(corpus))]
    lengths = [min(corpus.utterances[u].length(speeds[v]), LONGEST) for v, u in jobs]
    rows: np.ndarray | None = None
    for batch in shown(list(batches_by_length(lengths)), "teacher", progress):
        read: dict[tuple[int, int], np.ndarray] = {}
        for v, u, length in ((*jobs[i], lengths[i]) for i in batch):
            with suppress(AudioError):  # its row stays zero: no scene shows it
                read[v, u] = store.read(u, speeds[v], 0, length)
        if not read:
            continue
        found = embed(list(read.values()))
        if rows is None:
            rows = np.zeros((len(speeds), len(corpus), found.shape[1]), np.float32)
        for place, row in zip(read, found, strict=True):
            rows[place] = row / np.linalg.norm(row)
    if rows is None:
        raise DataError(corpus.where, "no readable recording", "at least one")
    known = np.asarray(rows.any(axis=2))
    centred = (rows - rows[known].mean(axis=0)) * known[..., None]
    return Targets([u.id for u in corpus.utterances], list(speeds), _unit(centred))


def turned(targets: Targets, towards: Targets) -> Targets:
    """The targets in the space of other embeddings of the same recordings: turned (and mirrored)
    so that they are nearest to those. Cosines between them stay what they are; heads that read the
    other embeddings meet familiar ones.

    Raises DataError for other recordings, speeds or dimensions.
    """
    one, other = targets.embeddings, towards.embeddings
    check_dimensions("targets", one.shape[2], other.shape[2])
    if one.shape != other.shape or targets.names != towards.names:
        raise DataError("targets", f"{one.shape} towards {other.shape}", "the same recordings")
    rotation = rotation_between(*(x.reshape(-1, x.shape[2]) for x in (one, other)))
    return Targets(targets.names, targets.speeds, (one @ rotation).astype(np.float32))


def agreement(targets: Targets, towards: Targets) -> float:
    """Mean cosine between two embeddings of the same recordings."""
    cosines = (targets.embeddings * towards.embeddings).sum(axis=2)
    return float(cosines[targets.embeddings.any(axis=2)].mean())


def _unit(rows: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.divide(rows, norm, out=np.zeros_like(rows), where=norm > 0)
