"""Clusters of long recordings: in time and memory that grow with their length, not its square.

embeddings ──► average linkage in each block ──► average linkage of the blocks' clusters
           ──► a centroid a speaker ──► each window to the nearest (k-means)
"""

import numpy as np

from joint.conversation.linkage import (
    Clusters,
    agglomerative,
    by_appearance,
    checked_count,
    cuts,
    merges,
)
from joint.directions import unit
from joint.errors import DataError
from joint.training.progress import shown

BLOCK = 400
"""Windows in a block: five minutes of speech, whose linkage takes a hundredth of a second."""

PIECES = 40
"""Clusters of a block where the number of speakers is given: so many that each has one speaker."""

LEAST_SHARE = 0.005
"""Of all windows: a smaller cluster is noise, and no speaker."""

REFINEMENTS = 10
"""Steps of k-means at most; it begins near its end."""


def linked(
    embeddings: np.ndarray,
    speakers: int | None = None,
    threshold: float | None = None,
    progress: bool = False,
) -> np.ndarray:
    """Cluster `embeddings (n, E)` of windows by average linkage, `(n,)`, without clusters of few
    windows, whose windows go to the nearest speaker: see `blockwise`.

    Raises DataError for no embeddings, more `speakers` than there are, and neither a number nor a
    threshold.
    """
    checked_count(embeddings, speakers)
    if speakers is None and threshold is None:
        raise DataError("clustering", "no threshold", "one, or the number of speakers")
    return by_appearance(blockwise(embeddings, speakers, threshold, progress))


def blockwise(
    embeddings: np.ndarray,
    speakers: int | None = None,
    threshold: float | None = None,
    progress: bool = False,
) -> np.ndarray:
    """The speaker of each of `embeddings (n, E)`, `(n,)`, for as many `speakers`, or as many as
    average linkage down to the mean cosine `threshold` finds."""
    units = unit(np.asarray(embeddings, dtype=np.float32))
    blocks = np.array_split(np.arange(len(units)), -(-len(units) // BLOCK))
    found = []
    for block in shown(blocks, "clustering", progress):
        own = units[block]
        pieces = min(max(PIECES, 2 * speakers), len(block)) if speakers else None
        found.append(Clusters.of(own, agglomerative(own, pieces, threshold)))
    clusters = Clusters(
        np.concatenate([part.sums for part in found]),
        np.concatenate([part.counts for part in found]),
    )
    if speakers is not None:
        groups = _largest_groups(clusters, speakers)
    else:
        assert threshold is not None
        groups = _groups_down_to(clusters, threshold, len(units))
    centroids = unit(np.stack([clusters.sums[members].sum(axis=0) for members in groups]))
    return _nearest(units, centroids.astype(np.float32))


def _groups_down_to(clusters: Clusters, threshold: float, windows: int) -> list[np.ndarray]:
    """Groups of `clusters` whose mean cosine reaches the threshold, without those of few windows;
    the largest where all are small."""
    group = np.arange(len(clusters.counts))
    for similarity, merged in cuts(clusters, merges(clusters)):
        if similarity < threshold:
            break
        group = merged.copy()
    sizes = np.bincount(group, weights=clusters.counts)
    least = min(max(2.0, LEAST_SHARE * windows), sizes.max())
    return [np.flatnonzero(group == g) for g in np.flatnonzero(sizes >= least)]


def _largest_groups(clusters: Clusters, number: int) -> list[np.ndarray]:
    """The `number` largest groups, of the cut where the smallest of them is largest.

    Cutting where there are just so many groups would give one to each outlier.
    """
    best, chosen = -1.0, np.arange(len(clusters.counts))
    for _, group in cuts(clusters, merges(clusters)):
        sizes = np.sort(np.bincount(group, weights=clusters.counts))[::-1]
        if len(sizes) >= number and sizes[number - 1] > best:
            best, chosen = sizes[number - 1], group.copy()
    sizes = np.bincount(chosen, weights=clusters.counts)
    return [np.flatnonzero(chosen == g) for g in np.argsort(-sizes)[:number]]


def _nearest(units: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """The nearest of `centroids (K, E)` to each of `units (n, E)`, which then are their means."""
    labels = (units @ centroids.T).argmax(axis=1)
    for _ in range(REFINEMENTS):
        sums = np.zeros_like(centroids)
        np.add.at(sums, labels, units)
        kept = np.flatnonzero(np.bincount(labels, minlength=len(centroids)))
        before = labels
        labels = kept[(units @ unit(sums[kept]).T).argmax(axis=1)]
        if (labels == before).all():
            break
    return labels
