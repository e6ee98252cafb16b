"""Statistics of labelled embeddings: speaker means, covariances within and between speakers."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import linalg

from joint.errors import DataError


@dataclass(frozen=True)
class SpeakerStatistics:
    """Statistics of `n` embeddings of `S` speakers in float64: embeddings of each speaker `counts
    (S,)`, speaker `means (S, E)`, the `mean (E,)` of all embeddings, and the covariances `within
    (E, E)` speakers and `between (E, E)` their means, weighted by `counts`."""

    counts: np.ndarray
    means: np.ndarray
    mean: np.ndarray
    within: np.ndarray
    between: np.ndarray

    @classmethod
    def of(cls, embeddings: np.ndarray, speakers: np.ndarray) -> Self:
        """`embeddings (n, E)`, `speakers (n,)`.

        Raises DataError for values that are not finite, fewer than two speakers, and where no
        speaker has two utterances.
        """
        x = finite(embeddings)
        names, index, counts = np.unique(speakers, return_inverse=True, return_counts=True)
        if len(names) < 2:
            raise DataError("back-end", f"{len(names)} speakers", "at least two")
        if counts.max() < 2:
            raise DataError("back-end", "one utterance of each speaker", "several of a speaker")
        means = np.zeros((len(names), x.shape[1]))
        np.add.at(means, index, x)
        means /= counts[:, None]
        inside, outside = x - means[index], means - x.mean(axis=0)
        return cls(
            counts,
            means,
            x.mean(axis=0),
            inside.T @ inside / len(x),
            (outside * counts[:, None]).T @ outside / len(x),
        )


def finite(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings `(n, E)` in float64. Raises DataError for another shape, NaN and infinity."""
    x = np.asarray(embeddings, dtype=np.float64)
    if x.ndim != 2 or not len(x):
        raise DataError("embeddings", f"an array of shape {x.shape}", "(n, E), n at least 1")
    if not (good := np.isfinite(x).all(axis=1)).all():
        raise DataError("embeddings", f"{int((~good).sum())} rows with NaN or infinity", "numbers")
    return x


def cholesky(covariance: np.ndarray, name: str) -> np.ndarray:
    """The lower Cholesky factor. Raises DataError where the matrix is singular."""
    try:
        factor: np.ndarray = linalg.cholesky(covariance, lower=True)
    except linalg.LinAlgError:
        factor = np.zeros_like(covariance)
    diagonal = np.diag(factor)
    if diagonal.min() <= 1e-7 * diagonal.max():
        rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
        found = f"a covariance {name} of rank {rank} in {len(covariance)} dimensions"
        raise DataError("back-end", found, "more utterances, or an LDA to fewer dimensions")
    return factor
