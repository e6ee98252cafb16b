"""Geometry of embeddings: cosines within and between speakers, alignment, uniformity, projections
to a plane."""

from collections.abc import Sequence

import numpy as np

from joint.directions import unit
from joint.errors import DataError

PAIRS = 200_000
"""Most pairs of different speakers that are used."""


def geometry(embeddings: np.ndarray, speakers: Sequence[str], seed: int = 0) -> dict[str, float]:
    """Cosines and spread of `embeddings (n, E)`.

    `within` and `between` are the mean cosines of pairs of one speaker and of two speakers,
    `d_prime` is their distance in standard deviations; `alignment` is the mean squared distance of
    a speaker's unit vectors, `uniformity` the logarithm of the mean Gaussian potential of all (Wang
    and Isola, ICML 2020, §4: lower is better for both); `dimensions` the participation ratio of the
    variances. Raises DataError where no speaker has two recordings, and for one speaker only.
    """
    directions = unit(np.asarray(embeddings, dtype=np.float64))
    _, owner = np.unique(np.asarray(speakers), return_inverse=True)
    first, second = np.triu_indices(len(directions), 1)
    same = owner[first] == owner[second]
    if not same.any() or same.all():
        found = "one speaker" if same.all() else "no speaker with two recordings"
        raise DataError("embeddings", found, "several speakers with several recordings")
    apart = np.flatnonzero(~same)
    if len(apart) > PAIRS:
        apart = np.random.default_rng(seed).choice(apart, PAIRS, replace=False)
    within = (directions[first[same]] * directions[second[same]]).sum(axis=1)
    between = (directions[first[apart]] * directions[second[apart]]).sum(axis=1)
    both = np.concatenate([within, between])
    variances = np.linalg.eigvalsh(np.cov(directions.T)).clip(min=0.0)
    return {
        "within": float(within.mean()),
        "between": float(between.mean()),
        "d_prime": float(
            (within.mean() - between.mean()) / np.sqrt(0.5 * (within.var() + between.var()))
        ),
        "alignment": float(np.mean(2.0 - 2.0 * within)),
        "uniformity": float(np.log(np.mean(np.exp(-2.0 * (2.0 - 2.0 * both))))),
        "dimensions": float(variances.sum() ** 2 / (variances**2).sum()),
    }


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


def information(explained: np.ndarray) -> float:
    """Mutual information in nats of Gaussian variables with the predictions of a probe: −½ Σ log(1
    − R²) over the R² `(c,)` of the variables; negative ones count as 0. A lower bound, since the
    probe is linear."""
    return float(-0.5 * np.log1p(-np.clip(explained, 0.0, 0.999)).sum())
