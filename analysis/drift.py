"""How far a training moved the embeddings of the same recordings."""

import numpy as np

from joint.errors import DataError


def embedding_drift(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    """Mean and maximum cosine distance of matched embeddings, and the similarity of both spaces.

    Shapes: `before (n, E)` and `after (n, E)`, one row for each recording, in the same order.
    `cosine_drift` (mean of 1 − cosine) also counts a rotation of the whole space, which changes
    no verification score; `linear_cka` (Kornblith et al. 2019, eq. 3 with a linear kernel, of the
    centred unit vectors) is 1 for a rotation and falls only where the geometry changed. Raises
    DataError for shapes that differ, fewer than two rows, and rows that are zero or not finite.
    """
    if before.ndim != 2 or before.shape != after.shape or len(before) < 2:
        expected = "two matrices (n, E) of one shape, n ≥ 2"
        raise DataError("embeddings", f"{before.shape} and {after.shape}", expected)
    first, second = _unit(before), _unit(after)
    distance = 1 - (first * second).sum(axis=1)
    return {
        "cosine_drift": float(distance.mean()),
        "cosine_drift_max": float(distance.max()),
        "linear_cka": linear_cka(first, second),
    }


def linear_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Linear centred kernel alignment of `(n, E1)` and `(n, E2)`, 0 to 1 (Kornblith et al. 2019).

    NaN where one of them has equal rows.
    """
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    # E × E matrices of features in place of the n × n ones of the definition
    shared = np.linalg.norm(first.T @ second) ** 2
    own = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
    return float(shared / own) if own > 0 else float("nan")


def _unit(embeddings: np.ndarray) -> np.ndarray:
    embeddings = np.asarray(embeddings, dtype=np.float64)
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or not norms.all():
        row = int(np.argmin(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
        raise DataError("embeddings", f"a zero or non-finite vector in row {row}", "directions")
    return embeddings / norms
