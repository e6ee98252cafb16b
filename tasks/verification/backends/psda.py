"""Probabilistic spherical discriminant analysis (Brümmer et al., Interspeech 2022): speakers and
embeddings are unit vectors drawn from von Mises-Fisher distributions."""

from typing import Self

import numpy as np

from joint.directions import unit
from tasks.verification.backends.scoring import Backend, Prepared
from tasks.verification.backends.statistics import SpeakerStatistics, finite


class Psda(Backend):
    """PSDA back-end; scores are log-likelihood ratios.

    Speakers are distributed around `mean` with concentration `between`, embeddings around their
    speaker with concentration `within`.
    """

    mean: np.ndarray
    between: float
    within: float

    def fit(self, embeddings: np.ndarray, speakers: np.ndarray, iterations: int = 30) -> Self:
        """Fit by expectation maximisation to `embeddings (n, E)` of `speakers (n,)`.

        Raises DataError as SpeakerStatistics does.
        """
        x = unit(finite(embeddings))
        found = SpeakerStatistics.of(x, speakers)
        sums, size = found.means * found.counts[:, None], x.shape[1]
        self.mean = unit(sums.sum(axis=0))
        self.between, self.within = 1.0, float(size)
        for _ in range(iterations):
            evidence = self.between * self.mean + self.within * sums
            lengths = np.linalg.norm(evidence, axis=1)
            points = evidence / lengths[:, None] * mean_length(lengths, size)[:, None]
            middle = points.mean(axis=0)
            self.mean = unit(middle)
            self.between = concentration(float(np.linalg.norm(middle)), size)
            agreement = float(np.sum(sums * points) / found.counts.sum())
            self.within = concentration(agreement, size)
        return self

    def prepare(self, embeddings: np.ndarray) -> Prepared:
        """See Backend."""
        x = unit(finite(embeddings))
        return Prepared(x, x, x @ self.mean)

    def combine(self, products: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """See Backend."""
        b, w = self.between, self.within
        size = len(self.mean)

        def alone(cosine: np.ndarray) -> np.ndarray:
            return log_constant(np.sqrt(b * b + w * w + 2.0 * b * w * cosine), size)

        together = b * b + 2.0 * w * w * (1.0 + products) + 2.0 * b * w * (first + second)
        both = log_constant(np.sqrt(np.maximum(together, 0.0)), size)
        return alone(first) + alone(second) - both - log_constant(np.array(b), size)


def log_bessel(order: float, x: np.ndarray) -> np.ndarray:
    """log I_order(x) for x > 0; from order 8 on by Debye's uniform expansion (DLMF 10.41.3), since
    I_order(x) itself exceeds the range of float64 there."""
    if order < 8:
        from scipy.special import ive  # slow to import: only where it is used

        values: np.ndarray = np.log(ive(order, x)) + x
        return values
    z = x / order
    root = np.sqrt(1.0 + z * z)
    p = 1.0 / root
    u1 = (3.0 * p - 5.0 * p**3) / 24.0
    u2 = (81.0 * p**2 - 462.0 * p**4 + 385.0 * p**6) / 1152.0
    u3 = (30375.0 * p**3 - 369603.0 * p**5 + 765765.0 * p**7 - 425425.0 * p**9) / 414720.0
    series = u1 / order + u2 / order**2 + u3 / order**3
    exponent = order * (root + np.log(z / (1.0 + root)))
    expanded: np.ndarray = (
        exponent - 0.5 * np.log(2.0 * np.pi * order) - 0.5 * np.log(root) + np.log1p(series)
    )
    return expanded


def log_constant(kappa: np.ndarray, size: int) -> np.ndarray:
    """Logarithm of the normalising constant of a von Mises-Fisher density in `size` dimensions, up
    to a term that depends on `size` alone."""
    kappa = np.maximum(np.asarray(kappa, dtype=np.float64), 1e-6)
    order = size / 2.0 - 1.0
    constant: np.ndarray = order * np.log(kappa) - log_bessel(order, kappa)
    return constant


def mean_length(kappa: np.ndarray, size: int) -> np.ndarray:
    """Length of the mean direction, I_{E/2}(κ) / I_{E/2-1}(κ)."""
    kappa = np.maximum(kappa, 1e-6)
    order = size / 2.0 - 1.0
    ratio: np.ndarray = np.exp(log_bessel(order + 1.0, kappa) - log_bessel(order, kappa))
    return ratio


def concentration(length: float, size: int) -> float:
    """The κ whose `mean_length` is `length`: Banerjee et al. (JMLR 2005), eq. 4.4, refined by
    Newton's method."""
    length = min(max(length, 1e-6), 1.0 - 1e-9)
    kappa = length * (size - length * length) / (1.0 - length * length)
    for _ in range(5):
        found = float(mean_length(np.array(kappa), size))
        slope = 1.0 - found * found - (size - 1.0) / kappa * found
        kappa = max(kappa - (found - length) / max(slope, 1e-12), 1e-6)
    return kappa
