"""Average linkage by cosine: of embeddings, and of clusters of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from joint.directions import unit
from joint.errors import DataError


class Merge(NamedTuple):
    """Clusters `first` and `second`, by a member of each, whose pairs have this mean cosine."""

    first: int
    second: int
    similarity: float


@dataclass(frozen=True)
class Clusters:
    """Sums of the unit vectors in each cluster, `sums (C, E)`, and their numbers, `counts (C,)`."""

    sums: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, units: np.ndarray, labels: np.ndarray) -> "Clusters":
        """The clusters that `labels (n,)` make of `units (n, E)`."""
        sums = np.zeros((labels.max() + 1, units.shape[1]))
        np.add.at(sums, labels, units)
        return cls(sums, np.bincount(labels))


def merges(clusters: Clusters) -> list[Merge]:
    """All merges of average linkage (UPGMA), the most similar first.

    The mean cosine between two clusters is the product of their sums over that of their counts, so
    that every step of the nearest-neighbour chain (Murtagh, The Computer Journal 1983) takes time
    and memory `C · E`, and the whole `C² · E`.
    """
    sums, counts = clusters.sums.copy(), clusters.counts.astype(float)
    alive = np.ones(len(counts), dtype=bool)
    chain: list[int] = []
    found: list[Merge] = []
    while len(found) < len(counts) - 1:
        if not chain:
            chain.append(int(alive.argmax()))
        last = chain[-1]
        similarity = (sums @ sums[last]) / (counts * counts[last])
        similarity[~alive] = -np.inf
        similarity[last] = -np.inf
        nearest = int(similarity.argmax())
        # of equally near ones the one before in the chain, or it would never end
        if len(chain) > 1 and similarity[chain[-2]] >= similarity[nearest]:
            nearest = chain[-2]
            found.append(Merge(nearest, last, float(similarity[nearest])))
            del chain[-2:]
            sums[nearest] += sums[last]
            counts[nearest] += counts[last]
            alive[last] = False
        else:
            chain.append(nearest)
    return sorted(found, key=lambda merge: -merge.similarity)


def cuts(clusters: Clusters, order: list[Merge]) -> Iterator[tuple[float, np.ndarray]]:
    """After each of the merges its similarity, and which group each cluster is in, `(C,)`."""
    group = np.arange(len(clusters.counts))
    for merge in order:
        group[group == group[merge.second]] = group[merge.first]
        yield merge.similarity, group


def agglomerative(
    embeddings: np.ndarray, speakers: int | None = None, threshold: float | None = None
) -> np.ndarray:
    """Average linkage of `embeddings (n, E)` by cosine, down to a mean cosine of `threshold` or to
    a number of `speakers`; gives the speaker of each, `(n,)`.

    Time and memory grow with n²: see `blockwise` for long recordings. Raises DataError for no
    embeddings, more `speakers` than there are, and neither a number nor a threshold.
    """
    from sklearn.cluster import AgglomerativeClustering

    if checked_count(embeddings, speakers) == 1:
        return np.zeros(1, dtype=int)
    if speakers is None and threshold is None:
        raise DataError("clustering", "no threshold", "one, or the number of speakers")
    clustering = AgglomerativeClustering(
        n_clusters=speakers,
        metric="precomputed",
        linkage="average",
        distance_threshold=1.0 - threshold if speakers is None and threshold is not None else None,
    )
    return by_appearance(clustering.fit_predict(np.clip(1.0 - cosines(embeddings), 0.0, 2.0)))


def cosines(embeddings: np.ndarray) -> np.ndarray:
    """Of each pair, `(n, n)`."""
    units = unit(np.asarray(embeddings, dtype=np.float64))
    found: np.ndarray = units @ units.T
    return found


def by_appearance(labels: np.ndarray) -> np.ndarray:
    """Labels renumbered, so that the first to appear is 0."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=int)
    order[np.argsort(first)] = np.arange(len(first))
    renumbered: np.ndarray = order[inverse]
    return renumbered


def checked_count(embeddings: np.ndarray, speakers: int | None) -> int:
    """How many embeddings there are."""
    count = len(embeddings)
    if not count or (speakers is not None and not 1 <= speakers <= count):
        wanted = "" if speakers is None else f" for {speakers} speakers"
        raise DataError("clustering", f"{count} windows{wanted}", "one window a speaker at least")
    return count
