"""What every back-end is: a score of two embeddings that needs one product of them."""

from typing import NamedTuple

import numpy as np

from tasks.verification.backends.statistics import finite

BLOCK = 65_536
"""Trials scored at once: gathering both sides of millions would take gigabytes."""
SIDE = 4096
"""So many embeddings meet as many others at once."""
PAIRS_A_TRIAL = 200
"""About as much less costs a product in a matrix than one whose sides are gathered."""


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
    """Scores `(T,)` of the rows `first (T,)` and `second (T,)` of `embeddings (n, E)`, which may be
    memory-mapped: they are read in blocks.

    Where trials are many among few embeddings, all pairs of two blocks are scored in one product
    and each trial picks its own; else both sides of each trial are gathered.
    """
    left, right = met(first, len(embeddings)), met(second, len(embeddings))
    if left.sum() * right.sum() <= PAIRS_A_TRIAL * len(first):
        return _tiled(backend, embeddings, first, second, left, right)
    scores = np.empty(len(first), dtype=np.float32)
    for start in range(0, len(first), BLOCK):
        block = slice(start, start + BLOCK)
        a, b = backend.read(embeddings[first[block]]), backend.read(embeddings[second[block]])
        products = np.einsum("te,te->t", a.first, b.second)
        scores[block] = backend.combine(products, a.own, b.own)
    return scores


def met(rows: np.ndarray, count: int) -> np.ndarray:
    """Which of `count` rows are among `rows`, `(count,)` bool."""
    return np.bincount(rows, minlength=count) > 0


def _tiled(
    backend: Backend,
    embeddings: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
) -> np.ndarray:
    """Trials in the order of the tiles of `SIDE` by `SIDE` embeddings that they lie in."""
    scores = np.empty(len(first), dtype=np.float32)
    if not len(first):
        return scores
    row, column = (np.cumsum(side) - 1 for side in (left, right))
    left, right = np.flatnonzero(left), np.flatnonzero(right)
    row, column = row[first], column[second]
    across = -(-len(right) // SIDE)
    tile = row // SIDE * across + column // SIDE
    # whole numbers of 16 bits are sorted by counting
    order = np.argsort(tile.astype(np.min_scalar_type(int(tile.max()))), kind="stable")
    for trials in np.split(order, np.flatnonzero(np.diff(tile[order])) + 1):
        down, along = divmod(int(tile[trials[0]]), across)
        a = backend.read(embeddings[left[down * SIDE : (down + 1) * SIDE]])
        b = backend.read(embeddings[right[along * SIDE : (along + 1) * SIDE]])
        scores[trials] = score_matrix(backend, a, b)[row[trials] % SIDE, column[trials] % SIDE]
    return scores


def score_matrix(backend: Backend, first: Scorable, second: Scorable) -> np.ndarray:
    """Every one of `first` against every one of `second`, `(n, m)`."""
    products = first.first @ second.second.T
    return backend.combine(products, first.own[:, None], second.own[None])
