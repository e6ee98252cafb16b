"""The interface of back-ends, scores as one product of prepared embeddings, and cosine scoring."""

from typing import NamedTuple

import numpy as np

from tasks.verification.backends.statistics import finite

BLOCK = 65_536
"""Trials scored at once: gathering both sides of millions would need gigabytes."""
SIDE = 4096
"""Embeddings on each side of one tile of the score matrix."""
PAIRS_A_TRIAL = 200
"""About how many products of a matrix cost as much as one trial whose sides are gathered."""


class Prepared(NamedTuple):
    """Embeddings prepared for scoring: `first (n, D)` and `second (n, D)` as the first and as the
    second side of a trial, whose product is the term of both sides, and `own (n,)`, the term of one
    side alone."""

    first: np.ndarray
    second: np.ndarray
    own: np.ndarray


class Backend:
    """Cosine scoring; other back-ends override both methods."""

    def prepare(self, embeddings: np.ndarray) -> Prepared:
        """Prepare embeddings `(n, E)` for scoring."""
        x = finite(embeddings).astype(np.float32)
        unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return Prepared(unit, unit, np.zeros(len(unit), dtype=np.float32))

    def combine(self, products: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Scores from the `products` of both sides and the terms `first` and `second` of each."""
        return products


def score_trials(
    backend: Backend, embeddings: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Scores `(T,)` of the rows `first (T,)` and `second (T,)` of `embeddings (n, E)`, which may be
    memory-mapped: they are read in blocks.

    Many trials of few embeddings are taken from the matrix of all scores, which is computed in
    tiles; otherwise both sides of each trial are gathered.
    """
    left, right = occurring(first, len(embeddings)), occurring(second, len(embeddings))
    if left.sum() * right.sum() <= PAIRS_A_TRIAL * len(first):
        return _tiled(backend, embeddings, first, second, left, right)
    scores = np.empty(len(first), dtype=np.float32)
    for start in range(0, len(first), BLOCK):
        block = slice(start, start + BLOCK)
        a, b = backend.prepare(embeddings[first[block]]), backend.prepare(embeddings[second[block]])
        products = np.einsum("te,te->t", a.first, b.second)
        scores[block] = backend.combine(products, a.own, b.own)
    return scores


def occurring(rows: np.ndarray, count: int) -> np.ndarray:
    """Whether each of `count` rows occurs in `rows`, `(count,)` bool."""
    return np.bincount(rows, minlength=count) > 0


def _tiled(
    backend: Backend,
    embeddings: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
) -> np.ndarray:
    """Scores of trials, tile by tile of `SIDE` by `SIDE` embeddings."""
    scores = np.empty(len(first), dtype=np.float32)
    if not len(first):
        return scores
    row, column = (np.cumsum(side) - 1 for side in (left, right))
    left, right = np.flatnonzero(left), np.flatnonzero(right)
    row, column = row[first], column[second]
    across = -(-len(right) // SIDE)
    tile = row // SIDE * across + column // SIDE
    # integers of 16 bits are sorted by counting
    order = np.argsort(tile.astype(np.min_scalar_type(int(tile.max()))), kind="stable")
    for trials in np.split(order, np.flatnonzero(np.diff(tile[order])) + 1):
        down, along = divmod(int(tile[trials[0]]), across)
        a = backend.prepare(embeddings[left[down * SIDE : (down + 1) * SIDE]])
        b = backend.prepare(embeddings[right[along * SIDE : (along + 1) * SIDE]])
        scores[trials] = score_matrix(backend, a, b)[row[trials] % SIDE, column[trials] % SIDE]
    return scores


def score_matrix(backend: Backend, first: Prepared, second: Prepared) -> np.ndarray:
    """Scores of every pair, `(n, m)`."""
    products = first.first @ second.second.T
    return backend.combine(products, first.own[:, None], second.own[None])
