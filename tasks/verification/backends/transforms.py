"""Transforms of embeddings before a back-end: mean subtraction, length normalisation, LDA, WCCN."""

from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np
from scipy import linalg

from joint.errors import DataError
from tasks.verification.backends.statistics import SpeakerStatistics, cholesky, finite


class Transform(Protocol):
    """Is fitted on labelled embeddings, then transforms any."""

    def fit(self, embeddings: np.ndarray, speakers: np.ndarray) -> Self:
        """Fit to `embeddings (n, E)` of `speakers (n,)`."""

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """`(n, E)` → `(n, E')`, float64."""


class MeanSubtraction:
    """Subtracts the mean of the training embeddings."""

    mean: np.ndarray

    def fit(self, embeddings: np.ndarray, speakers: np.ndarray) -> Self:
        """See Transform; `speakers` are ignored."""
        self.mean = finite(embeddings).mean(axis=0)
        return self

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """See Transform."""
        return finite(embeddings) - self.mean


class LengthNormalization:
    """Scales every embedding to length √E (Garcia-Romero and Espy-Wilson, Interspeech 2011)."""

    def fit(self, embeddings: np.ndarray, speakers: np.ndarray) -> Self:
        """See Transform; nothing is fitted."""
        return self

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """See Transform."""
        x = finite(embeddings)
        norms = np.linalg.norm(x, axis=1, keepdims=True)
        return x * (np.sqrt(x.shape[1]) / np.maximum(norms, np.finfo(np.float64).tiny))


class Lda:
    """Linear discriminant analysis: the directions with the largest ratio of variance between to
    variance within speakers, scaled to unit variance within.

    Fitting raises DataError for more dimensions than embeddings or speakers allow, and where the
    covariance within speakers is singular.
    """

    directions: np.ndarray

    def __init__(self, dimensions: int | None = None) -> None:
        self.dimensions = dimensions

    def fit(self, embeddings: np.ndarray, speakers: np.ndarray) -> Self:
        """See Transform."""
        found = SpeakerStatistics.of(embeddings, speakers)
        most = min(len(found.mean), len(found.counts) - 1)
        kept = most if self.dimensions is None else self.dimensions
        if not 1 <= kept <= most:
            raise DataError("LDA", f"{kept} dimensions", f"1 to {most}")
        cholesky(found.within, "within speakers")
        _, vectors = linalg.eigh(found.between, found.within)
        self.directions = vectors[:, ::-1][:, :kept]
        return self

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """See Transform."""
        projected: np.ndarray = finite(embeddings) @ self.directions
        return projected


class Wccn:
    """Within-class covariance normalisation (Hatch, Kajarekar, Stolcke, Interspeech 2006): unit
    covariance within speakers. Fitting raises DataError where that covariance is singular."""

    factor: np.ndarray

    def fit(self, embeddings: np.ndarray, speakers: np.ndarray) -> Self:
        """See Transform."""
        within = SpeakerStatistics.of(embeddings, speakers).within
        self.factor = linalg.inv(cholesky(within, "within speakers")).T
        return self

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """See Transform."""
        scaled: np.ndarray = finite(embeddings) @ self.factor
        return scaled


class Chain:
    """Transforms one after the other, each fitted on the output of those before it."""

    def __init__(self, parts: Sequence[Transform]) -> None:
        self.parts = list(parts)

    def fit(self, embeddings: np.ndarray, speakers: np.ndarray) -> Self:
        """See Transform."""
        for part in self.parts:
            embeddings = part.fit(embeddings, speakers)(embeddings)
        return self

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """See Transform."""
        for part in self.parts:
            embeddings = part(embeddings)
        return embeddings
