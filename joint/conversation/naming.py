"""Names for embeddings: the enrolled people whose recordings are nearest."""

from collections.abc import Mapping

import numpy as np

from joint.directions import unit
from joint.errors import DataError


def attribute(
    embeddings: np.ndarray, enrolled: Mapping[str, np.ndarray], threshold: float = -1.0
) -> list[str | None]:
    """Name each of `embeddings (n, E)` after the person of `enrolled` whose recordings, `(k, E)`,
    have the highest mean cosine with it; None where that is below `threshold`.

    Raises DataError for an empty `enrolled` and for embeddings of another size.
    """
    names, scores = list(enrolled), _enrolled_scores(embeddings, enrolled)
    best = scores.argmax(axis=1)
    return [
        names[place] if row[place] >= threshold else None
        for row, place in zip(scores, best, strict=True)
    ]


def assign(
    embeddings: np.ndarray, enrolled: Mapping[str, np.ndarray], threshold: float = -1.0
) -> list[str | None]:
    """As `attribute`, but no name is given twice: the assignment with the highest sum of scores,
    each less `threshold` (Kuhn, 1955)."""
    from scipy.optimize import linear_sum_assignment

    names, scores = list(enrolled), _enrolled_scores(embeddings, enrolled)
    # A score below the threshold gives no name, so it must not take one from another embedding.
    above = np.maximum(scores - threshold, 0.0)
    found: list[str | None] = [None] * len(scores)
    for row, place in zip(*linear_sum_assignment(above, maximize=True), strict=True):
        if scores[row, place] >= threshold:
            found[row] = names[place]
    return found


def _enrolled_scores(embeddings: np.ndarray, enrolled: Mapping[str, np.ndarray]) -> np.ndarray:
    """Mean cosine of each of `embeddings (n, E)` with each person's recordings, `(n, people)`."""
    if not enrolled:
        raise DataError("enrolled", "no speakers", "at least one")
    means = np.stack([unit(np.atleast_2d(known)).mean(axis=0) for known in enrolled.values()])
    if embeddings.shape[1:] != means.shape[1:]:
        found = f"shape {embeddings.shape}"
        raise DataError("embeddings", found, f"(n, {means.shape[1]}), as enrolled")
    scores: np.ndarray = unit(embeddings) @ means.T
    return scores
