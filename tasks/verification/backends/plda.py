"""Two-covariance PLDA (Brümmer and de Villiers, Odyssey 2010, §2; Sizov, Lee, Kinnunen, S+SSPR
2014): a speaker's mean is drawn from N(μ, B), an embedding from N(speaker's mean, W)."""

from typing import Self

import numpy as np
from scipy import linalg

from tasks.verification.backends.scoring import Backend, Prepared
from tasks.verification.backends.statistics import SpeakerStatistics, cholesky, finite


class Plda(Backend):
    """PLDA back-end; scores are log-likelihood ratios."""

    mean: np.ndarray
    between: np.ndarray
    within: np.ndarray

    def fit(self, embeddings: np.ndarray, speakers: np.ndarray, iterations: int = 10) -> Self:
        """Fit by expectation maximisation to `embeddings (n, E)` of `speakers (n,)`.

        Raises DataError as SpeakerStatistics does, and where a covariance is singular.
        """
        found = SpeakerStatistics.of(embeddings, speakers)
        self.mean, self.within = found.mean, found.within
        cholesky(self.within, "within speakers")
        self.between = found.between + 1e-3 * self.within  # with few speakers, between is singular
        for _ in range(iterations):
            self._step(found)
        return self

    def _step(self, found: SpeakerStatistics) -> None:
        """One iteration: the posterior of each speaker's mean, then both covariances."""
        precision_between = linalg.inv(self.between)
        precision_within = linalg.inv(self.within)
        points = np.empty_like(found.means)
        spread, spread_weighted = np.zeros_like(self.within), np.zeros_like(self.within)
        for count in np.unique(found.counts):
            those = found.counts == count
            covariance = linalg.inv(precision_between + count * precision_within)
            evidence = (found.means[those] - self.mean) @ (count * precision_within)
            points[those] = self.mean + evidence @ covariance
            spread += those.sum() * covariance
            spread_weighted += those.sum() * count * covariance
        total = found.counts.sum()
        self.mean = points.mean(axis=0)
        away = points - self.mean
        self.between = (away.T @ away + spread) / len(points)
        missed = (found.means - points) * np.sqrt(found.counts)[:, None]
        self.within = found.within + (missed.T @ missed + spread_weighted) / total

    def prepare(self, embeddings: np.ndarray) -> Prepared:
        """See Backend."""
        x = finite(embeddings) - self.mean
        total = self.between + self.within
        cholesky(total, "of all embeddings")
        inverse = linalg.inv(total)
        rest = total - self.between @ inverse @ self.between
        rest_inverse = linalg.inv(rest)
        cross = inverse @ self.between @ rest_inverse
        alone = inverse - rest_inverse
        log_ratio = (np.linalg.slogdet(total)[1] - np.linalg.slogdet(rest)[1]) / 4.0
        own = 0.5 * np.einsum("ne,ef,nf->n", x, alone, x, optimize=True) + log_ratio
        return Prepared(x @ cross, x, own)

    def combine(self, products: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """See Backend."""
        scores: np.ndarray = products + first + second
        return scores
