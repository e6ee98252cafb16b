"""Geometry of embeddings: cosines within and between speakers, alignment, uniformity, projections
to a plane."""

from collections.abc import Sequence

import numpy as np

from joint.directions import unit
from joint.errors import DataError

PAIRS = 400_000
"""Most pairs of one speaker, and of different speakers, that are used; both orders count."""


def geometry(embeddings: np.ndarray, speakers: Sequence[str], seed: int = 0) -> dict[str, float]:
    """Cosines and spread of `embeddings (n, E)`.

    `within` and `between` are the mean cosines of pairs of one speaker and of two speakers,
    `d_prime` is their distance in standard deviations; `alignment` is the mean squared distance of
    a speaker's unit vectors, `uniformity` the logarithm of the mean Gaussian potential of all pairs
    (Wang and Isola, ICML 2020, §4: lower is better for both); `dimensions` the participation ratio
    of the variances. Of many pairs some are drawn by `seed`. Raises DataError where no speaker has
    two recordings, and for one speaker only.
    """
    directions = unit(np.asarray(embeddings, dtype=np.float64))
    _, owner = np.unique(np.asarray(speakers), return_inverse=True)
    of_one, of_two = (pairs(owner, same, seed) for same in (True, False))
    counts = [of_one[2], of_two[2]]
    if not all(counts):
        found = "no speaker with two recordings" if counts[1] else "one speaker"
        raise DataError("embeddings", found, "several speakers with several recordings")
    within, between = (_cosines(directions, first, second) for first, second, _ in (of_one, of_two))
    # Those of one speaker and of two are drawn apart: each mean has the weight of all its pairs.
    potentials = [float(np.exp(-2.0 * (2.0 - 2.0 * each)).mean()) for each in (within, between)]
    variances = np.linalg.eigvalsh(np.cov(directions.T)).clip(min=0.0)
    return {
        "within": float(within.mean()),
        "between": float(between.mean()),
        "d_prime": float(
            (within.mean() - between.mean()) / np.sqrt(0.5 * (within.var() + between.var()))
        ),
        "alignment": float(np.mean(2.0 - 2.0 * within)),
        "uniformity": float(np.log(np.average(potentials, weights=counts))),
        "dimensions": float(variances.sum() ** 2 / (variances**2).sum()),
    }


def pairs(owner: np.ndarray, same: bool, seed: int = 0) -> tuple[np.ndarray, np.ndarray, int]:
    """Positions `(p,)` and `(p,)` of pairs of one speaker, or of two where not `same`, by the
    `owner (n,)` of each recording; and how many such pairs there are. Each is listed in both
    orders, unless these are more than `PAIRS`: then as many are drawn, with replacement."""
    order = np.argsort(owner, kind="stable")
    place, sizes = np.arange(len(owner)), np.bincount(owner)[owner[order]]
    starts = np.searchsorted(owner[order], owner[order])
    partners = sizes - 1 if same else len(owner) - sizes
    ends, total = np.cumsum(partners), int(partners.sum())
    rng = np.random.default_rng(seed)
    chosen = np.arange(total) if total <= PAIRS else rng.integers(total, size=PAIRS)
    first = np.searchsorted(ends, chosen, side="right")
    rank = chosen - (ends - partners)[first]
    # The partners of a place follow it: within its speaker's block, or from the block's end on.
    if same:
        second = starts[first] + ((place - starts)[first] + 1 + rank) % sizes[first]
    else:
        second = ((starts + sizes)[first] + rank) % len(owner)
    return order[first], order[second], total // 2


def _cosines(directions: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """`(p,)`, in parts: vectors of all pairs at once would take a gigabyte."""
    found = np.empty(len(first))
    for part in np.array_split(np.arange(len(first)), 1 + len(first) // 4096):
        found[part] = (directions[first[part]] * directions[second[part]]).sum(axis=1)
    return found


def on_a_plane(embeddings: np.ndarray, method: str = "tsne", seed: int = 0) -> np.ndarray:
    """A projection to a plane, `(n, 2)`, that keeps neighbours by cosine: `tsne` (van der Maaten
    and Hinton 2008) or `umap` (McInnes et al. 2018). Raises DataError without the package
    umap-learn."""
    directions = unit(np.asarray(embeddings, dtype=np.float64))
    if method == "umap":
        try:
            import umap  # takes seconds to import: only where it is used
        except ImportError:
            raise DataError(
                "umap", "no such package", "pip install 'joint-speaker[umap]', or tsne"
            ) from None
        found: np.ndarray = umap.UMAP(metric="cosine", random_state=seed).fit_transform(directions)
        return found
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(directions) - 1) / 3)
    plane: np.ndarray = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(
        directions
    )
    return plane
