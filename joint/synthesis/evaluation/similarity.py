"""How near synthetic voices are to the people whose they should be, and to others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from joint.synthesis.evaluation.figures import known_mean
from joint.synthesis.evaluation.instruments import Measured


def cosines(first: Sequence[Measured], second: Sequence[Measured], encoder: str) -> np.ndarray:
    """Cosine of each pair of recordings by one encoder, `(n,)`; NaN for digital silence."""
    pairs = zip(first, second, strict=True)
    return np.array([a.embeddings[encoder] @ b.embeddings[encoder] for a, b in pairs])


@dataclass(frozen=True)
class Similarity:
    """Mean cosine of each waveform with its own reference, `own (n,)`, and with the references of
    all other speakers in the list, `other (n,)`; NaN where there is none."""

    own: np.ndarray
    other: np.ndarray

    @property
    def gap(self) -> float | None:
        """How much nearer to the own speaker than to others, on average; None if unknown."""
        own, other = known_mean(self.own), known_mean(self.other)
        return None if own is None or other is None else own - other

    @property
    def nearer_to_own_percent(self) -> float | None:
        """The share of waveforms that are nearer to their own speaker than to others on average,
        of those where both are known; None without any."""
        known = ~np.isnan(self.own) & ~np.isnan(self.other)
        return 100.0 * float((self.own > self.other)[known].mean()) if known.any() else None


def similarity(
    measured: Sequence[Measured],
    references: Sequence[Measured],
    speakers: Sequence[str],
    encoder: str,
    groups: Sequence[str | None] | None = None,
) -> Similarity:
    """Compare each waveform with the references of all rows, whose speakers are `speakers`.

    With `groups`, such as genders, the others are those of the same group as the speaker.
    """
    rows = np.stack([m.embeddings[encoder] for m in measured])
    columns = np.stack([m.embeddings[encoder] for m in references])
    every = rows @ columns.T
    names = np.array(speakers)
    foreign = names[:, None] != names[None, :]
    if groups is not None:
        kinds = np.array([group or "" for group in groups])
        foreign &= (kinds[:, None] == kinds[None, :]) & (kinds[:, None] != "")
    counts = foreign.sum(axis=1)
    sums = np.where(foreign, every, 0.0).sum(axis=1)
    other = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return Similarity(np.diagonal(every).copy(), other)


def gap_percent(made: Similarity, natural: Similarity) -> float | None:
    """The gap between own and other speakers in percent of that of natural recordings; None where
    one is not known."""
    if made.gap is None or not natural.gap:
        return None
    return 100.0 * made.gap / natural.gap
