"""Unsupervised domain adaptation of back-ends, by unlabelled embeddings of the new domain."""

from copy import copy
from typing import Self

import numpy as np
from scipy import linalg

from tasks.verification.backends.plda import Plda
from tasks.verification.backends.statistics import cholesky, finite

WITHIN_SHARE, BETWEEN_SHARE = 0.75, 0.25
"""Shares of the excess variance of the new domain, those of Kaldi's recipe for SRE16; without
options its program takes 0.3 and 0.7."""
PLUS_SHARE = 0.8
"""γ and β of CORAL+."""


class Coral:
    """Transforms embeddings of the old domain to the mean and covariance of the new one, so that a
    back-end can be trained on them (Alam, Bhattacharya, Kenny, Odyssey 2018, after Sun, Feng,
    Saenko, AAAI 2016)."""

    def __init__(self, target: np.ndarray) -> None:
        self.target_mean, self.target_covariance = moments(target)

    def fit(self, embeddings: np.ndarray, speakers: np.ndarray) -> Self:
        """Learn the old domain from `embeddings (n, E)`; `speakers` are ignored."""
        self.mean, covariance = moments(embeddings)
        self.matrix = recolouring(covariance, self.target_covariance)
        return self

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings of the old domain `(n, E)`, transformed to the new one."""
        transformed: np.ndarray = (
            finite(embeddings) - self.mean
        ) @ self.matrix.T + self.target_mean
        return transformed


class CoralPlusPlus(Coral):
    """CORAL on regularised covariances, where the old domain's variance is only ever enlarged
    (after Li, Zhang, Chen, "The CORAL++ algorithm for unsupervised domain adaptation of speaker
    recognition", ICASSP 2022).

    Both covariances are shrunk towards a multiple of the identity, by the amount of Ledoit and
    Wolf (Journal of Multivariate Analysis 2004), so that a domain of fewer recordings than
    dimensions will do; directions in which the new domain has less variance stay as they are, as
    in CORAL+.
    """

    def __init__(self, target: np.ndarray) -> None:
        self.target_mean, self.target_covariance = shrunk_moments(target)

    def fit(self, embeddings: np.ndarray, speakers: np.ndarray) -> Self:
        """See Coral."""
        self.mean, covariance = shrunk_moments(embeddings)
        # vectorsᵀ · old · vectors = I, vectorsᵀ · new · vectors = diag(values)
        values, vectors = linalg.eigh(self.target_covariance, covariance)
        stretched = vectors * np.sqrt(np.maximum(values, 1.0))
        self.matrix = linalg.inv(vectors).T @ stretched.T
        return self


def coral_plus(plda: Plda, target: np.ndarray, share: float = PLUS_SHARE) -> Plda:
    """CORAL+ (Lee, Wang, Koshinaka, ICASSP 2019, eq. 14): CORAL on both covariances of a PLDA,
    adopted in the directions where it makes them larger."""
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
    shift_scale: float = 1.0,
) -> Plda:
    """Kaldi's unsupervised adaptation (`ivector-adapt-plda`): the excess of the new domain's
    covariance over the model's total is divided between its two covariances. Variance is counted
    around the old mean: `shift_scale` times the outer product of the mean's shift is added."""
    mean, covariance = moments(target)
    shift = mean - plda.mean
    covariance = covariance + shift_scale * np.outer(shift, shift)
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


def shrunk_moments(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `moments`, with the covariance shrunk as CoralPlusPlus says; raises DataError only where
    all embeddings are one."""
    from sklearn.covariance import ledoit_wolf  # slow to import: only where it is used

    x = finite(embeddings)
    covariance, _ = ledoit_wolf(x)
    cholesky(covariance, "of the embeddings")
    return x.mean(axis=0), covariance


def recolouring(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The matrix new^½ · old^−½, which transforms covariance `old` to `new`."""
    values, vectors = linalg.eigh(old)
    whiten = (vectors / np.sqrt(values)) @ vectors.T
    values, vectors = linalg.eigh(new)
    colour = (vectors * np.sqrt(values)) @ vectors.T
    product: np.ndarray = colour @ whiten
    return product


def enlarged(old: np.ndarray, new: np.ndarray, share: float) -> np.ndarray:
    """`old` plus `share` of the excess of `new`, in the directions where `new` is larger."""
    # vectorsᵀ · old · vectors = I, vectorsᵀ · new · vectors = diag(values)
    values, vectors = linalg.eigh(new, old)
    back = linalg.inv(vectors)
    grown: np.ndarray = old + share * (back.T * np.maximum(values - 1.0, 0.0)) @ back
    return grown
