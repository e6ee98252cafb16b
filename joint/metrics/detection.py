"""Figures of a verification system: the DET curve, the equal error rate and the detection cost."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from joint.errors import DataError


class Eer(NamedTuple):
    """Equal error rate in percent, and the score at which both errors meet."""

    percent: float
    threshold: float


@dataclass(frozen=True)
class ErrorRates:
    """False alarms and misses, shares of 0..1 `(P,)`, of `score >= threshold`.

    Thresholds rise; those that another one beats without a cost are left out.
    """

    false_alarm: np.ndarray
    miss: np.ndarray
    threshold: np.ndarray

    def eer(self) -> Eer:
        """Equal error rate, on the straight line between the two points that enclose it."""
        gap = self.miss - self.false_alarm
        # The curve starts where nothing is missed and ends where nothing is falsely accepted, so
        # the gap is negative or zero at the first point and positive or zero at the last.
        above = int(np.argmax(gap >= 0))
        if gap[above] == 0:
            return Eer(100 * float(self.miss[above]), float(self.threshold[above]))
        below = above - 1
        share = float(-gap[below] / (gap[above] - gap[below]))
        lower, upper = float(self.threshold[below]), float(self.threshold[above])
        percent = 100 * float(self.miss[below] + share * (self.miss[above] - self.miss[below]))
        if np.isinf(upper):  # "accept nobody" has no score to interpolate towards
            return Eer(percent, lower)
        return Eer(percent, lower + share * (upper - lower))

    def min_dcf(self, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
        """Least detection cost over all thresholds, divided by that of the better trivial system.

        1 is what accepting everybody or rejecting everybody costs, whichever is cheaper (NIST SRE
        2008 evaluation plan, normalised as in its section 4). Raises DataError for a prior outside
        of (0, 1).
        """
        if not 0 < p_target < 1:
            raise DataError("p_target", str(p_target), "a probability between 0 and 1")
        of_misses, of_alarms = c_miss * p_target, c_fa * (1 - p_target)
        cost = float((of_misses * self.miss + of_alarms * self.false_alarm).min())
        return min(1.0, cost / min(of_misses, of_alarms))


def error_rates(scores: np.ndarray, labels: np.ndarray) -> ErrorRates:
    """Both error rates at every threshold that matters (the DET curve).

    Shapes: `scores (T,)`, `labels (T,)` with 1 for target trials and 0 for non-target ones.
    Raises DataError for shapes that differ, scores that are not finite, or one class only.
    """
    scores, labels = np.asarray(scores), np.asarray(labels).astype(bool)
    scores = scores.astype(np.result_type(scores, np.float32), copy=False)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise DataError("scores", f"{scores.shape} for labels {labels.shape}", "one score a label")
    if not np.isfinite(scores).all():
        raise DataError("scores", f"{int((~np.isfinite(scores)).sum())} not finite", "numbers")
    if labels.all() or not labels.any():
        raise DataError("trials", one_class(labels), "target and non-target trials")
    target, other = np.sort(scores[labels]), np.sort(scores[~labels])
    # outside of these the one error is 0 already, and the other only grows
    lowest, highest = target[0], other[-1]
    inside = [target[:1], target[target <= highest], other[other >= lowest]]
    above = target[target > highest][:1]
    end = above if len(above) else np.array([np.inf], scores.dtype)
    threshold = np.unique(np.concatenate([*inside, end]))
    alarms = len(other) - np.searchsorted(other, threshold)
    misses = np.searchsorted(target, threshold)
    return ErrorRates(alarms / len(other), misses / len(target), threshold)


def eer(scores: np.ndarray, labels: np.ndarray) -> Eer:
    """Equal error rate of `scores (T,)` and `labels (T,)`; raises DataError as `error_rates`."""
    return error_rates(scores, labels).eer()


def min_dcf(
    scores: np.ndarray, labels: np.ndarray, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0
) -> float:
    """See ErrorRates.min_dcf; raises DataError as `error_rates` does too."""
    return error_rates(scores, labels).min_dcf(p_target, c_miss, c_fa)


def one_class(labels: np.ndarray) -> str:
    """Words for a set of trials with one class only."""
    if labels.size == 0:
        return "no trials"
    return f"{labels.size} trials, all {'target' if labels.all() else 'non-target'}"
