"""Score normalisation (S-norm, AS-norm) against a cohort, as matrix products of bounded size."""

from dataclasses import dataclass

import numpy as np
import torch

from joint.directions import unit
from joint.errors import DataError
from tasks.verification.backends.scoring import Backend, score_matrix

ROWS = 2048
"""Embeddings that are scored against the cohort at once."""


@dataclass(frozen=True)
class CohortStatistics:
    """Mean and standard deviation `(n,)` of each embedding's scores against the cohort."""

    mean: np.ndarray
    deviation: np.ndarray


def cohort_statistics(
    backend: Backend, embeddings: np.ndarray, cohort: np.ndarray, top: int | None = None
) -> CohortStatistics:
    """Statistics of the scores of `embeddings (n, E)`, which may be memory-mapped, against
    `cohort (m, E)`: of the `top` highest scores of each embedding (adaptive), or of all.

    Raises DataError for a cohort of another dimension or one with fewer embeddings than `top`.
    """
    if cohort.ndim != 2 or cohort.shape[1] != embeddings.shape[1]:
        found, expected = f"embeddings of shape {cohort.shape}", f"(m, {embeddings.shape[1]})"
        raise DataError("cohort", found, expected)
    least = 2 if top is None else max(2, top)
    if len(cohort) < least:
        raise DataError("cohort", f"{len(cohort)} embeddings", f"at least {least}")
    others = backend.prepare(cohort)
    mean = np.empty(len(embeddings), dtype=np.float32)
    deviation = np.empty_like(mean)
    for start in range(0, len(embeddings), ROWS):
        rows = slice(start, start + ROWS)
        scores = score_matrix(backend, backend.prepare(embeddings[rows]), others)
        kept = torch.from_numpy(scores)
        if top is not None and top < kept.shape[1]:
            kept = kept.topk(top, dim=1, sorted=False).values
        spread, middle = torch.std_mean(kept, dim=1, correction=0)
        mean[rows], deviation[rows] = middle.numpy(), spread.numpy()
    return CohortStatistics(mean, np.maximum(deviation, 1e-8))


def normalize(
    scores: np.ndarray, statistics: CohortStatistics, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Scores `(T,)` standardised by the cohort scores of each side, mean of both sides (S-norm:
    Kenny, Odyssey 2010; adaptive: Matějka et al., Interspeech 2017)."""
    mean, deviation = statistics.mean, statistics.deviation
    sides = [(scores - mean[rows]) / deviation[rows] for rows in (first, second)]
    normalized: np.ndarray = 0.5 * (sides[0] + sides[1])
    return normalized


def speaker_means(embeddings: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """The mean of each speaker's unit embeddings, `(S, E)` float32: a cohort of speakers."""
    directions = unit(embeddings)
    names, index, counts = np.unique(speakers, return_inverse=True, return_counts=True)
    means = np.zeros((len(names), directions.shape[1]))
    np.add.at(means, index, directions)
    return (means / counts[:, None]).astype(np.float32)
