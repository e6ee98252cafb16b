"""Diarization's clustering: which windows are of one speaker."""

from collections.abc import Callable, Sequence

import numpy as np

from joint.conversation.blockwise import BLOCK, blockwise
from joint.conversation.linkage import agglomerative, by_appearance, checked_count, cosines
from joint.directions import unit
from joint.errors import DataError

Cluster = Callable[[np.ndarray, int | None], np.ndarray]
"""Embeddings `(n, E)` and the number of speakers, None where it is not known, to the speaker of
each `(n,)`: 0, 1, … in order of their first window."""

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Waveforms `(S,)` float32 at 16 kHz to embeddings `(n, E)`, such as `SpeakerModel.embed`."""

MOST = 8
"""Speakers that the eigengap may find."""

FEWEST_KEPT = 4
"""Neighbours: graphs of fewer fall apart, and the gap between their parts is no speaker's."""


def clustered(
    embeddings: np.ndarray,
    speakers: int | None = None,
    threshold: float | None = None,
    progress: bool = False,
) -> np.ndarray:
    """Cluster `embeddings (n, E)` of windows by speaker; gives the speaker of each, `(n,)`.

    Up to 400 windows (five minutes of speech) by spectral clustering, for as many `speakers` as are
    given or as average linkage finds: in short recordings the eigengap estimates the number badly,
    and linkage, whose `threshold` belongs to the encoder, well; once the number is known, spectral
    clustering divides better. Longer recordings by `blockwise`, in linear time.

    Raises DataError for no embeddings, for more `speakers` than embeddings, and where there is
    neither a number of speakers nor a threshold (the least mean cosine of a speaker's windows).
    """
    count = checked_count(embeddings, speakers)
    if speakers is None and threshold is None:
        raise DataError("clustering", "no threshold", "one, or the number of speakers")
    if count > BLOCK:
        return by_appearance(blockwise(embeddings, speakers, threshold, progress))
    return spectral(embeddings, speakers or number_of_speakers(embeddings, threshold))


def number_of_speakers(embeddings: np.ndarray, threshold: float | None) -> int:
    """Clusters of average linkage with two windows at least: a single one may be noise."""
    return max(1, int((np.bincount(agglomerative(embeddings, threshold=threshold)) > 1).sum()))


def spectral(
    embeddings: np.ndarray, speakers: int | None = None, most: int = MOST, seed: int = 0
) -> np.ndarray:
    """Auto-tuned spectral clustering of `embeddings (n, E)`; gives the speaker of each, `(n,)`.

    Each row of the cosine affinity keeps its p largest entries, as ones. With the eigenvalues λ of
    the Laplacian of the symmetrised result, the number of speakers is where λ grows most, and p is
    the one with the least p / (largest gap / largest λ). Up to 20 full eigendecompositions, each of
    n³: for short recordings. Park et al., "Auto-tuning spectral clustering for speaker diarization
    using normalized maximum eigengap", 2020; without tuning: Wang et al., "Speaker diarization with
    LSTM", 2018.

    Raises DataError for no embeddings, and for more `speakers` than there are.
    """
    from sklearn.cluster import KMeans

    count = checked_count(embeddings, speakers)
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


def centroids(embeddings: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean direction of each cluster, `(clusters, E)`."""
    units = unit(embeddings)
    return np.stack([units[labels == label].mean(axis=0) for label in range(labels.max() + 1)])


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
