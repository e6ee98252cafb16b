"""Calibration of scores to log-likelihood ratios; detection.py has their cost, Cllr."""

from dataclasses import dataclass

import numpy as np

from joint.errors import DataError
from joint.metrics.detection import checked_labels


@dataclass(frozen=True)
class Calibration:
    """Natural log-likelihood ratio of a trial: `offset + gains · (score, quality measures)`."""

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
        """Logistic regression on `scores (T,)`, `labels (T,)` and `qualities (T, Q)`, with trials
        weighted to the prior `p_target` (Brümmer and du Preez, Computer Speech and Language 2006).

        Raises DataError for trials of one class only and values that are not finite.
        """
        from sklearn.linear_model import LogisticRegression  # slow to import: only to fit

        labels = checked_labels(scores, labels)
        x = features(scores, qualities)
        if not np.isfinite(x).all():
            raise DataError("quality measures", "NaN or infinity", "numbers")
        # standardised, so that the regression's penalty does not depend on units
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
        """Log-likelihood ratios `(T,)`. Raises DataError where the number of quality measures
        differs from that of the fit."""
        x = features(scores, qualities)
        if x.shape[1] != len(self.gains):
            raise DataError("quality measures", str(x.shape[1] - 1), str(len(self.gains) - 1))
        ratios: np.ndarray = self.offset + x @ np.array(self.gains)
        return ratios


def probability(log_ratio: float, p_target: float = 0.5) -> float:
    """Posterior probability of a target trial, from its log-likelihood ratio and the prior."""
    return float(1.0 / (1.0 + np.exp(-(log_ratio + np.log(p_target / (1.0 - p_target))))))


def features(scores: np.ndarray, qualities: np.ndarray | None) -> np.ndarray:
    """Scores and quality measures side by side, `(T, 1 + Q)`."""
    columns = [np.asarray(scores, dtype=np.float64)[:, None]]
    if qualities is not None:
        columns.append(np.atleast_2d(np.asarray(qualities, dtype=np.float64).T).T)
    return np.hstack(columns)
