"""Which embeddings are of one speaker: clusters where nobody is known, names where a group is."""

from collections.abc import Callable, Mapping

import numpy as np

from joint.directions import unit
from joint.errors import DataError

Cluster = Callable[[np.ndarray, int | None], np.ndarray]
"""Embeddings `(n, E)` and the number of speakers, None where it is to be found, to the speaker of
each `(n,)`: 0, 1, … in order of their first window."""

MOST = 8
"""Speakers that the eigengap may find."""

FEWEST_KEPT = 4
"""Neighbours: graphs to fewer fall apart, and the gap between their parts is no speaker's."""

SAME = 0.25
"""Mean cosine of the windows of one speaker, at least. That of the shipped checkpoint, chosen on
held-out speakers; it is lower than the threshold for whole recordings, as windows are short."""


def clustered(
    embeddings: np.ndarray, speakers: int | None = None, threshold: float = SAME
) -> np.ndarray:
    """Spectral clustering of `embeddings (n, E)` for as many people as average linkage finds.

    In recordings of a quarter of a minute the eigengap is a poor judge of how many people there
    are, and linkage, which knows the encoder's scale, a better one; once the number is known,
    spectral clustering divides better. Raises DataError as `spectral`.
    """
    _checked(embeddings, speakers)
    return spectral(embeddings, speakers or number_of_speakers(embeddings, threshold))


def number_of_speakers(embeddings: np.ndarray, threshold: float = SAME) -> int:
    """Clusters of `agglomerative` with two windows at least: a single one may be noise."""
    return max(1, int((np.bincount(agglomerative(embeddings, threshold=threshold)) > 1).sum()))


def spectral(
    embeddings: np.ndarray, speakers: int | None = None, most: int = MOST, seed: int = 0
) -> np.ndarray:
    """Spectral clustering of `embeddings (n, E)`, tuned by itself; the speaker of each, `(n,)`.

    Each row of the cosine affinity keeps its p largest as ones; with the eigenvalues λ of the
    Laplacian of the symmetrised result, the number of speakers is where λ grows most, and p is the
    one with the least p / (largest gap / largest λ). Park et al., "Auto-tuning spectral clustering
    for speaker diarization using normalized maximum eigengap", 2020; without
    tuning: Wang et al., "Speaker diarization with LSTM", 2018. Raises DataError for no embeddings,
    and for more `speakers` than there are.
    """
    from sklearn.cluster import KMeans

    count = _checked(embeddings, speakers)
    if speakers in (1, count) or count < 3:
        return np.arange(count) if speakers == count else np.zeros(count, dtype=int)
    fewest, most = (1, min(most, count - 1)) if speakers is None else (speakers, speakers)
    neighbours = np.argsort(-cosines(embeddings), axis=1, kind="stable")
    best, chosen, number = np.inf, np.zeros((count, count)), fewest
    for kept in _candidates(count):
        laplacian = _laplacian(neighbours, kept)
        values = np.linalg.eigvalsh(laplacian)
        gaps = np.diff(values[fewest - 1 : most + 1]) / (values[-1] + 1e-10)
        ratio = kept / (gaps.max() + 1e-10)
        if ratio < best:
            best, chosen, number = ratio, laplacian, fewest + int(np.argmax(gaps))
    if number == 1:
        return np.zeros(count, dtype=int)
    vectors = np.linalg.eigh(chosen).eigenvectors[:, :number]
    return by_appearance(KMeans(number, n_init=10, random_state=seed).fit_predict(vectors))


def agglomerative(
    embeddings: np.ndarray, speakers: int | None = None, threshold: float = SAME
) -> np.ndarray:
    """Average linkage of cosines down to `threshold`, or to the number of speakers; `(n,)`.

    Raises DataError for no embeddings, and for more `speakers` than there are.
    """
    from sklearn.cluster import AgglomerativeClustering

    if _checked(embeddings, speakers) == 1:
        return np.zeros(1, dtype=int)
    distances = np.clip(1.0 - cosines(embeddings), 0.0, 2.0)
    clustering = AgglomerativeClustering(
        n_clusters=speakers,
        metric="precomputed",
        linkage="average",
        distance_threshold=1.0 - threshold if speakers is None else None,
    )
    return by_appearance(clustering.fit_predict(distances))


def attribute(
    embeddings: np.ndarray, enrolled: Mapping[str, np.ndarray], threshold: float = -1.0
) -> list[str | None]:
    """Whose voice each of `embeddings (n, E)` is: the person of `enrolled`, with recordings
    `(k, E)`, whose mean cosine is the highest; None where that is below `threshold`.

    Raises DataError for nobody enrolled and for embeddings of another size.
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
    """As `attribute`, with nobody named twice: of all assignments the one whose scores are highest
    in sum, each counted from `threshold` on (Kuhn, 1955)."""
    from scipy.optimize import linear_sum_assignment

    names, scores = list(enrolled), _enrolled_scores(embeddings, enrolled)
    # What is below the threshold names nobody, and must not cost another voice its name.
    above = np.maximum(scores - threshold, 0.0)
    found: list[str | None] = [None] * len(scores)
    for row, place in zip(*linear_sum_assignment(above, maximize=True), strict=True):
        if scores[row, place] >= threshold:
            found[row] = names[place]
    return found


def centroids(embeddings: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean direction of each cluster, `(clusters, E)`."""
    units = unit(embeddings)
    return np.stack([units[labels == label].mean(axis=0) for label in range(labels.max() + 1)])


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


def _candidates(count: int) -> list[int]:
    """Neighbours to keep: at most 20 numbers to all, closer together where they are few."""
    return sorted({round(p) for p in np.geomspace(min(FEWEST_KEPT, count), count, 20)})


def _laplacian(neighbours: np.ndarray, kept: int) -> np.ndarray:
    """Degree less weights `(n, n)` of the graph to `kept` nearest neighbours, made symmetric."""
    graph = np.zeros(neighbours.shape)
    np.put_along_axis(graph, neighbours[:, :kept], 1.0, axis=1)
    weights = (graph + graph.T) / 2
    laplacian: np.ndarray = np.diag(weights.sum(axis=1)) - weights
    return laplacian


def _enrolled_scores(embeddings: np.ndarray, enrolled: Mapping[str, np.ndarray]) -> np.ndarray:
    """Mean cosine of each of `embeddings (n, E)` with each person's recordings, `(n, people)`."""
    if not enrolled:
        raise DataError("enrolled people", "nobody", "at least one")
    means = np.stack([unit(np.atleast_2d(known)).mean(axis=0) for known in enrolled.values()])
    if embeddings.shape[1:] != means.shape[1:]:
        found = f"shape {embeddings.shape}"
        raise DataError("embeddings", found, f"(n, {means.shape[1]}), as enrolled")
    scores: np.ndarray = unit(embeddings) @ means.T
    return scores


def _checked(embeddings: np.ndarray, speakers: int | None) -> int:
    """How many embeddings there are."""
    count = len(embeddings)
    if not count or (speakers is not None and not 1 <= speakers <= count):
        wanted = "" if speakers is None else f" for {speakers} speakers"
        raise DataError("clustering", f"{count} windows{wanted}", "one window a speaker at least")
    return count
