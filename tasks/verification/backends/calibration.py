"""Scores as log-likelihood ratios, and how good they are as such."""

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import isotonic_regression
from sklearn.linear_model import LogisticRegression

from joint.errors import DataError
from joint.metrics.detection import one_class


@dataclass(frozen=True)
class Calibration:
    """A log-likelihood ratio, natural logarithm: `offset + gains · (score, quality measures)`."""

    offset: float
    gains: tuple[float, ...]

    @classmethod
    def fit(
        cls,
        scores: np.ndarray,
        labels: np.ndarray,
        qualities: np.ndarray | None = None,
        p_target: float = 0.5,
    ) -> "Calibration":
        """Logistic regression on trials weighed as if a share `p_target` of them were target ones
        (Brümmer and du Preez, Computer Speech and Language 2006). `scores (T,)`, `labels (T,)`,
        `qualities (T, Q)`.

        Raises DataError for one class only and values that are not finite.
        """
        labels = checked(scores, labels)
        x = features(scores, qualities)
        if not np.isfinite(x).all():
            raise DataError("quality measures", "NaN or infinity", "numbers")
        # measures of any size: the regression's penalty shall not depend on their units
        middle, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-12)
        share = labels.mean()
        weight = np.where(labels, p_target / share, (1.0 - p_target) / (1.0 - share))
        model = LogisticRegression(C=1e4, max_iter=1000)
        model.fit((x - middle) / spread, labels, sample_weight=weight)
        gains = model.coef_[0] / spread
        prior = np.log(p_target / (1.0 - p_target))
        offset = float(model.intercept_[0] - gains @ middle - prior)
        return cls(offset, tuple(float(g) for g in gains))

    def __call__(self, scores: np.ndarray, qualities: np.ndarray | None = None) -> np.ndarray:
        """Log-likelihood ratios `(T,)`. Raises DataError for another number of measures."""
        x = features(scores, qualities)
        if x.shape[1] != len(self.gains):
            raise DataError("quality measures", str(x.shape[1] - 1), str(len(self.gains) - 1))
        ratios: np.ndarray = self.offset + x @ np.array(self.gains)
        return ratios


def probability(log_ratio: float, p_target: float = 0.5) -> float:
    """Of one speaker, for a log-likelihood ratio and a prior."""
    return float(1.0 / (1.0 + np.exp(-(log_ratio + np.log(p_target / (1.0 - p_target))))))


def cllr(log_ratios: np.ndarray, labels: np.ndarray) -> float:
    """Cost of log-likelihood ratios in bits (Brümmer and du Preez 2006): 0 is perfect, 1 what a
    system costs that says nothing. Raises DataError for one class only."""
    labels = checked(log_ratios, labels)
    target, other = log_ratios[labels], log_ratios[~labels]
    bits = np.logaddexp(0.0, -target).mean() + np.logaddexp(0.0, other).mean()
    return float(bits / (2.0 * np.log(2.0)))


def min_cllr(scores: np.ndarray, labels: np.ndarray) -> float:
    """Cllr after the best monotonous calibration of these very trials (pool adjacent violators).
    Raises DataError for one class only."""
    labels = checked(scores, labels)
    # equal scores stay together: no calibration can tell them apart
    _, index = np.unique(scores, return_inverse=True)
    counts = np.bincount(index)
    targets = np.bincount(index, weights=labels)
    posterior = isotonic_regression(targets / counts, sample_weight=counts)
    prior = np.log(labels.mean() / (1.0 - labels.mean()))
    with np.errstate(divide="ignore"):
        ratios = np.log(posterior) - np.log1p(-posterior) - prior
    return cllr(ratios[index], labels)


def features(scores: np.ndarray, qualities: np.ndarray | None) -> np.ndarray:
    """Scores and quality measures side by side, `(T, 1 + Q)`."""
    columns = [np.asarray(scores, dtype=np.float64)[:, None]]
    if qualities is not None:
        columns.append(np.asarray(qualities, dtype=np.float64).reshape(len(scores), -1))
    return np.hstack(columns)


def checked(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Labels as booleans; raises DataError for one class only or scores that are NaN."""
    labels = np.asarray(labels).astype(bool)
    if labels.all() or not labels.any():
        raise DataError("trials", one_class(labels), "target and non-target trials")
    if np.isnan(scores).any():
        raise DataError("scores", "NaN", "numbers")
    return labels
