"""GMM supervectors with a linear support vector machine, and nuisance attribute projection
(Campbell, Sturim, Reynolds, IEEE Signal Processing Letters 2006; with Solomonoff, ICASSP 2006)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from joint.errors import ConfigError, DataError
from tasks.verification.classic.gmm import Gmm, Statistics
from tasks.verification.classic.gmm_ubm import map_offsets


def supervectors(ubm: Gmm, statistics: Statistics, relevance: float) -> Tensor:
    """`(B, C·D)`, whose scalar product is the KL kernel: the adapted means less those of the
    background model, in standard deviations, by the roots of the weights (2006, equation 6)."""
    offsets = map_offsets(statistics, relevance)
    return (ubm.weights.sqrt().unsqueeze(1) * offsets).flatten(1)


def nuisance_directions(vectors: Tensor, speakers: np.ndarray, count: int) -> Tensor:
    """The `count` orthonormal directions `(count, P)` in which vectors `(n, P)` of one speaker
    differ most. Raises DataError for fewer differences than that."""
    _, groups = np.unique(speakers, return_inverse=True)
    places = torch.from_numpy(groups)
    sizes = torch.bincount(places).unsqueeze(1)
    means = vectors.new_zeros(len(sizes), vectors.shape[1]).index_add_(0, places, vectors) / sizes
    if len(vectors) - len(means) < count:
        found = f"{len(vectors)} recordings of {len(means)} speakers"
        raise DataError("nuisance", found, f"{count} more recordings than speakers")
    within = vectors - means[places]
    # by the products of n vectors, which are shorter than the vectors
    values, rows = torch.linalg.eigh((within @ within.T).double())
    largest = rows[:, -count:] / values[-count:].clamp(min=1e-12).sqrt() if count else rows[:, :0]
    return (largest.T @ within.double()).to(vectors.dtype)


@dataclass(frozen=True)
class SupervectorSvm:
    """A PairSystem: the model of an utterance is the hyperplane `(C·D + 1,)`, with its offset last,
    that separates its supervector from those of other speakers, `background (n, C·D)`; the score is
    the signed distance of the other utterance's supervector, not divided by the norm.

    `nuisance (k, C·D)` are the directions that are projected away, from the background's vectors
    too; `cost` is the machine's penalty of errors.
    """

    ubm: Gmm
    background: Tensor
    nuisance: Tensor
    relevance: float = 16.0
    cost: float = 1.0

    def __post_init__(self) -> None:
        if not self.cost > 0:
            raise ConfigError("cost", str(self.cost), "more than 0")

    def enroll(self, frames: Tensor) -> Tensor:
        """See PairSystem."""
        from sklearn.svm import SVC

        vectors = torch.cat([self._projected(self.background), self._vector(frames)]).double()
        labels = np.append(np.full(len(vectors) - 1, -1), 1)
        products = (vectors @ vectors.T).numpy()
        machine = SVC(C=self.cost, kernel="precomputed").fit(products, labels)
        weights = torch.from_numpy(machine.dual_coef_[0])
        plane = weights @ vectors[torch.from_numpy(machine.support_).long()]
        return torch.cat([plane, torch.from_numpy(machine.intercept_)]).to(frames.dtype)

    def score(self, models: Tensor, frames: Tensor) -> Tensor:
        """See PairSystem."""
        return models[:, :-1] @ self._vector(frames)[0] + models[:, -1]

    def _vector(self, frames: Tensor) -> Tensor:
        found = supervectors(self.ubm, self.ubm.statistics([frames]), self.relevance)
        return self._projected(found)

    def _projected(self, vectors: Tensor) -> Tensor:
        return vectors - (vectors @ self.nuisance.T) @ self.nuisance
