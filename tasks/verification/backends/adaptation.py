"""Back-ends adapted to a new domain by its unlabelled embeddings."""

from copy import copy
from typing import Self

import numpy as np
from scipy import linalg

from tasks.verification.backends.plda import Plda
from tasks.verification.backends.statistics import cholesky, finite

WITHIN_SHARE, BETWEEN_SHARE = 0.75, 0.25
"""Of the variance that the new domain has beyond the model's: Kaldi's split."""
PLUS_SHARE = 0.8
"""γ and β of CORAL+."""


class Coral:
    """Embeddings of the old domain with mean and covariance of the new one (Alam, Bhattacharya,
    Kenny, Odyssey 2018, after Sun, Feng, Saenko, AAAI 2016): a back-end is then trained on them."""

    def __init__(self, target: np.ndarray) -> None:
        self.target_mean, self.target_covariance = moments(target)

    def fit(self, embeddings: np.ndarray, speakers: np.ndarray) -> Self:
        """Learn the old domain from `embeddings (n, E)`; looks at no speaker."""
        self.mean, covariance = moments(embeddings)
        self.matrix = recolouring(covariance, self.target_covariance)
        return self

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings of the old domain `(n, E)` → as of the new one."""
        moved: np.ndarray = (finite(embeddings) - self.mean) @ self.matrix.T + self.target_mean
        return moved


def coral_plus(plda: Plda, target: np.ndarray, share: float = PLUS_SHARE) -> Plda:
    """CORAL on both covariances of a PLDA, taken over where it makes them larger (Lee, Wang,
    Koshinaka, ICASSP 2019, eq. 14)."""
    mean, covariance = moments(target)
    matrix = recolouring(plda.between + plda.within, covariance)
    adapted = copy(plda)
    adapted.mean = mean
    adapted.between = enlarged(plda.between, matrix @ plda.between @ matrix.T, share)
    adapted.within = enlarged(plda.within, matrix @ plda.within @ matrix.T, share)
    return adapted


def adapted_plda(
    plda: Plda,
    target: np.ndarray,
    within_share: float = WITHIN_SHARE,
    between_share: float = BETWEEN_SHARE,
) -> Plda:
    """What the new domain's covariance has beyond the model's is shared among both of its
    covariances (Kaldi's unsupervised adaptation)."""
    mean, covariance = moments(target)
    total = plda.between + plda.within
    excess = enlarged(total, covariance, 1.0) - total
    adapted = copy(plda)
    adapted.mean = mean
    adapted.between = plda.between + between_share * excess
    adapted.within = plda.within + within_share * excess
    return adapted


def moments(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean `(E,)` and covariance `(E, E)`; raises DataError where that is singular."""
    x = finite(embeddings)
    centred = x - x.mean(axis=0)
    covariance = centred.T @ centred / len(x)
    cholesky(covariance, "of the embeddings")
    return x.mean(axis=0), covariance


def recolouring(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The symmetric roots' product that turns covariance `old` into `new`."""
    values, vectors = linalg.eigh(old)
    whiten = (vectors / np.sqrt(values)) @ vectors.T
    values, vectors = linalg.eigh(new)
    colour = (vectors * np.sqrt(values)) @ vectors.T
    product: np.ndarray = colour @ whiten
    return product


def enlarged(old: np.ndarray, new: np.ndarray, share: float) -> np.ndarray:
    """`old` plus `share` of what `new` has beyond it, in the directions where it has more."""
    # vectorsᵀ · old · vectors = I, vectorsᵀ · new · vectors = diag(values)
    values, vectors = linalg.eigh(new, old)
    back = linalg.inv(vectors)
    grown: np.ndarray = old + share * (back.T * np.maximum(values - 1.0, 0.0)) @ back
    return grown
