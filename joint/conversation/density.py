"""Clustering by density: UMAP to a few dimensions, then HDBSCAN."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from joint.conversation.blockwise import linked
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

FEWEST = 16
"""Of fewer windows there is no density: average linkage clusters them."""
NEIGHBOURS, DIMENSIONS, APART, MEMBERS = 16, 32, 0.05, 4
"""As WeSpeaker's recipe for VoxConverse has them: UMAP's neighbours, dimensions and least distance,
and the smallest cluster."""

Project = Callable[[np.ndarray], np.ndarray]
"""Directions `(n, E)` to points `(n, d)` in which neighbours stay neighbours."""


def umap_hdbscan(
    embeddings: np.ndarray,
    speakers: int | None = None,
    threshold: float | None = None,
    progress: bool = False,
    project: Project | None = None,
) -> np.ndarray:
    """Cluster `embeddings (n, E)` of windows by speaker, `(n,)`: UMAP (McInnes et al., 2018), then
    HDBSCAN (Campello et al., "Density-based clustering based on hierarchical density estimates",
    PAKDD 2013).

    Windows outside of all clusters go to the nearest. UMAP divides one speaker too, so that
    clusters whose mean cosine reaches `threshold` are one; with a number of `speakers` they are
    merged down to it, and where there are fewer, average linkage decides. `project` replaces UMAP.

    Raises DataError for no embeddings, more `speakers` than there are, neither a number nor a
    threshold, and where the package umap-learn is not installed.
    """
    from sklearn.cluster import HDBSCAN

    count = checked_count(embeddings, speakers)
    if speakers is None and threshold is None:
        raise DataError("clustering", "no threshold", "one, or the number of speakers")
    if count < FEWEST:
        return linked(embeddings, speakers, threshold)
    units = unit(np.asarray(embeddings, dtype=np.float64))
    points = (project or _umap)(units)
    found = HDBSCAN(min_cluster_size=MEMBERS, allow_single_cluster=True, copy=True)
    labels = found.fit_predict(points)
    if labels.max() < 0:
        labels = np.zeros(count, dtype=int)
    inside = labels >= 0
    clusters = Clusters.of(units[inside], labels[inside])
    if speakers is not None and len(clusters.counts) < speakers:
        return agglomerative(embeddings, speakers)
    group = np.arange(len(clusters.counts))
    for similarity, merged in cuts(clusters, merges(clusters)):
        enough = len(np.unique(group)) <= speakers if speakers else similarity < (threshold or 0.0)
        if enough:
            break
        group = merged.copy()
    means = np.stack([clusters.sums[group == g].sum(axis=0) for g in np.unique(group)])
    return by_appearance((units @ unit(means).T).argmax(axis=1))


def require_umap() -> None:
    """Raise DataError where the package umap-learn is not installed; it is not imported."""
    if find_spec("umap") is None:
        expected = "pip install 'joint-speaker[umap]', or another clustering"
        raise DataError("--clustering umap", "no package umap-learn", expected)


def _umap(units: np.ndarray) -> np.ndarray:
    require_umap()
    import umap  # takes seconds to import: only where it is used

    found: np.ndarray = umap.UMAP(
        n_neighbors=min(NEIGHBOURS, len(units) - 1),
        n_components=min(DIMENSIONS, len(units) - 2),
        min_dist=APART,
        metric="cosine",
        random_state=0,
        n_jobs=1,
    ).fit_transform(units)
    return found
