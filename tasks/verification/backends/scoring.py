"""What every back-end is: a score of two embeddings that needs one product of them."""

from typing import NamedTuple

import numpy as np

from tasks.verification.backends.statistics import finite

BLOCK = 65_536
"""Trials scored at once: gathering both sides of millions would take gigabytes."""


class Scorable(NamedTuple):
    """Embeddings as a back-end reads them: `first (n, D)` and `second (n, D)` for either side of a
    trial, and `own (n,)`, what each brings by itself."""

    first: np.ndarray
    second: np.ndarray
    own: np.ndarray


class Backend:
    """Cosine; others override both methods."""

    def read(self, embeddings: np.ndarray) -> Scorable:
        """`(n, E)` → what scores are made of."""
        x = finite(embeddings).astype(np.float32)
        unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return Scorable(unit, unit, np.zeros(len(unit), dtype=np.float32))

    def combine(self, products: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Scores from the products of both sides and what each side brings by itself."""
        return products


def score_trials(
    backend: Backend, embeddings: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Scores `(T,)` of the rows `first (T,)` and `second (T,)` of `embeddings (n, E)`."""
    read = backend.read(embeddings)
    scores = [np.zeros(0, dtype=np.float32)]
    for start in range(0, len(first), BLOCK):
        a, b = first[start : start + BLOCK], second[start : start + BLOCK]
        products = np.einsum("te,te->t", read.first[a], read.second[b])
        scores.append(backend.combine(products, read.own[a], read.own[b]))
    return np.concatenate(scores)


def score_matrix(backend: Backend, first: Scorable, second: Scorable) -> np.ndarray:
    """Every one of `first` against every one of `second`, `(n, m)`."""
    products = first.first @ second.second.T
    return backend.combine(products, first.own[:, None], second.own[None])
