"""Figures of a verification system: the DET curve, the equal error rate and the detection cost."""

from typing import NamedTuple

import numpy as np
from sklearn.metrics import det_curve

from joint.errors import DataError


class Eer(NamedTuple):
    """Equal error rate in percent, and the score at which both errors meet."""

    percent: float
    threshold: float


class ErrorRates(NamedTuple):
    """False alarms and misses, shares of 0..1 `(P,)`, of `score >= threshold`.

    Thresholds rise; those that another one beats without a cost are left out.
    """

    false_alarm: np.ndarray
    miss: np.ndarray
    threshold: np.ndarray


def error_rates(scores: np.ndarray, labels: np.ndarray) -> ErrorRates:
    """Both error rates at every threshold that matters (the DET curve).

    Shapes: `scores (T,)`, `labels (T,)` with 1 for target trials and 0 for non-target ones.
    Raises DataError for shapes that differ, scores that are not finite, or one class only.
    """
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels).astype(bool)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise DataError("scores", f"{scores.shape} for labels {labels.shape}", "one score a label")
    if not np.isfinite(scores).all():
        raise DataError("scores", f"{int((~np.isfinite(scores)).sum())} not finite", "numbers")
    if labels.all() or not labels.any():
        raise DataError("trials", one_class(labels), "target and non-target trials")
    return ErrorRates(*det_curve(labels, scores, drop_intermediate=False))


def eer(scores: np.ndarray, labels: np.ndarray) -> Eer:
    """Equal error rate, interpolated on the straight line between the two points that enclose it.

    Shapes: `scores (T,)`, `labels (T,)`; raises DataError as `error_rates` does.
    """
    false_alarm, miss, threshold = error_rates(scores, labels)
    gap = miss - false_alarm
    # The curve starts where nothing is missed and ends where nothing is falsely accepted, so
    # the gap is negative or zero at the first point and positive or zero at the last.
    above = int(np.argmax(gap >= 0))
    if gap[above] == 0:
        return Eer(100 * float(miss[above]), float(threshold[above]))
    below = above - 1
    share = float(-gap[below] / (gap[above] - gap[below]))
    percent = 100 * float(miss[below] + share * (miss[above] - miss[below]))
    if np.isinf(threshold[above]):  # "accept nobody" has no score to interpolate towards
        return Eer(percent, float(threshold[below]))
    step = float(threshold[above] - threshold[below])
    return Eer(percent, float(threshold[below]) + share * step)


def min_dcf(
    scores: np.ndarray,
    labels: np.ndarray,
    p_target: float,
    c_miss: float = 1.0,
    c_fa: float = 1.0,
) -> float:
    """Least detection cost over all thresholds, divided by that of the better trivial system.

    1 is what accepting everybody or rejecting everybody costs, whichever is cheaper (NIST SRE
    2008 evaluation plan, normalised as in its section 4). Shapes: `scores (T,)`, `labels (T,)`;
    raises DataError as `error_rates` does.
    """
    if not 0 < p_target < 1:
        raise DataError("p_target", str(p_target), "a probability between 0 and 1")
    false_alarm, miss, _ = error_rates(scores, labels)
    cost_of_misses, cost_of_alarms = c_miss * p_target, c_fa * (1 - p_target)
    cost = float((cost_of_misses * miss + cost_of_alarms * false_alarm).min())
    return min(1.0, cost / min(cost_of_misses, cost_of_alarms))


def one_class(labels: np.ndarray) -> str:
    """Words for a set of trials with one class only."""
    if labels.size == 0:
        return "no trials"
    return f"{labels.size} trials, all {'target' if labels.all() else 'non-target'}"
