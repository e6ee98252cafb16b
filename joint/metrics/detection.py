"""Detection metrics of verification scores: DET curve, EER, minDCF, Cllr and minimum Cllr.

Every equal error rate of the repository is computed by `crossing`.
"""

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
    """The DET curve: false alarm rate and miss rate, 0 to 1 `(P,)`, of accepting `score >=
    threshold`, for every threshold `(P,)` in ascending order.

    Thresholds at which one rate is 0 and the other is not minimal are left out.
    """

    false_alarm: np.ndarray
    miss: np.ndarray
    threshold: np.ndarray

    def eer(self) -> Eer:
        """Equal error rate, interpolated linearly between the two points that enclose it."""
        found = crossing(self.miss[None], self.false_alarm[None])
        percent = 100 * float(found.rate[0])
        lower, upper = (float(self.threshold[at[0]]) for at in (found.before, found.after))
        if np.isinf(upper):  # rejecting all trials has no finite threshold
            return Eer(percent, lower)
        return Eer(percent, upper - float(found.rest[0]) * (upper - lower))

    def min_dcf(self, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
        """Minimum detection cost over all thresholds, normalised so that 1 is the cost of accepting
        all trials or of rejecting all, whichever is lower (NIST SRE 2008 evaluation plan, §4).

        Raises DataError for a prior outside of (0, 1).
        """
        if not 0 < p_target < 1:
            raise DataError("p_target", str(p_target), "a probability between 0 and 1")
        miss_cost, false_alarm_cost = c_miss * p_target, c_fa * (1 - p_target)
        cost = float((miss_cost * self.miss + false_alarm_cost * self.false_alarm).min())
        return min(1.0, cost / min(miss_cost, false_alarm_cost))


class Crossing(NamedTuple):
    """Where N curves have equal error rates: the `rate (N,)`, the points `before (N,)` and `after
    (N,)` it, and the `rest (N,)` of the way from the former to the latter, 0 at `after`."""

    rate: np.ndarray
    before: np.ndarray
    after: np.ndarray
    rest: np.ndarray


def crossing(miss: np.ndarray, false_alarm: np.ndarray) -> Crossing:
    """The equal error rates of N curves: `miss (N, P)` rises from 0 and `false_alarm (N, P)` falls
    to 0 as the threshold rises.

    Interpolated linearly between neighbouring points, so that target and non-target trials with
    one score, which no threshold separates, count in proportion. NaN for rates that are NaN.
    """
    gap = miss - false_alarm
    after = np.argmax(gap >= 0, axis=1)
    before = np.maximum(after - 1, 0)
    row = np.arange(len(gap))
    low, high = gap[row, before], gap[row, after]
    rest = np.where(high > low, high / np.where(high > low, high - low, 1.0), 0.0)
    rate = miss[row, after] - rest * (miss[row, after] - miss[row, before])
    rate = np.where(np.isnan(high), np.nan, rate)
    return Crossing(rate, before, after, rest)


def error_rates(scores: np.ndarray, labels: np.ndarray) -> ErrorRates:
    """The DET curve of `scores (T,)` and `labels (T,)`, 1 for target trials and 0 for others.

    Raises DataError for shapes that differ, scores that are not finite, or one class only.
    """
    scores, labels = np.asarray(scores), np.asarray(labels).astype(bool)
    scores = scores.astype(np.result_type(scores, np.float32), copy=False)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise DataError("scores", f"{scores.shape} for labels {labels.shape}", "one score a label")
    if not np.isfinite(scores).all():
        raise DataError("scores", f"{int((~np.isfinite(scores)).sum())} not finite", "numbers")
    _refuse_one_class(labels)
    target, other = np.sort(scores[labels]), np.sort(scores[~labels])
    # beyond these one rate is 0 already, and the other only grows
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


def cllr(log_ratios: np.ndarray, labels: np.ndarray) -> float:
    """Cost of natural log-likelihood ratios `(T,)` in bits (Brümmer and du Preez, Computer Speech
    and Language 2006): 0 is perfect, 1 is a system whose ratios are all 1.

    Raises DataError for trials of one class only and for NaN.
    """
    labels = checked_labels(log_ratios, labels)
    target, other = log_ratios[labels], log_ratios[~labels]
    bits = np.logaddexp(0.0, -target).mean() + np.logaddexp(0.0, other).mean()
    return float(bits / (2.0 * np.log(2.0)))


def min_cllr(scores: np.ndarray, labels: np.ndarray) -> float:
    """Cllr after the best monotonic calibration on the same trials (pool adjacent violators).

    Raises DataError for trials of one class only and for NaN.
    """
    from sklearn.isotonic import isotonic_regression  # slow to import: only where it is used

    labels = checked_labels(scores, labels)
    # trials with one score get one ratio: no calibration can separate them
    _, index = np.unique(scores, return_inverse=True)
    counts = np.bincount(index)
    targets = np.bincount(index, weights=labels)
    posterior = isotonic_regression(targets / counts, sample_weight=counts)
    prior = np.log(labels.mean() / (1.0 - labels.mean()))
    with np.errstate(divide="ignore"):
        ratios = np.log(posterior) - np.log1p(-posterior) - prior
    return cllr(ratios[index], labels)


def checked_labels(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Labels as booleans. Raises DataError for trials of one class only and scores that are NaN."""
    labels = np.asarray(labels).astype(bool)
    _refuse_one_class(labels)
    if np.isnan(scores).any():
        raise DataError("scores", "NaN", "numbers")
    return labels


def _refuse_one_class(labels: np.ndarray) -> None:
    if labels.all() or not labels.any():
        raise DataError("trials", one_class(labels), "target and non-target trials")


def one_class(labels: np.ndarray) -> str:
    """Describes a set of trials with one class only, for error messages."""
    if labels.size == 0:
        return "no trials"
    return f"{labels.size} trials, all {'target' if labels.all() else 'non-target'}"
