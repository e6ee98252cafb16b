"""How sure a difference of two error rates is, when other speakers and other seeds had been drawn.

Trials of one speaker are not independent, so that speakers are resampled, not trials: with a
speaker drawn m times, its target trials count m-fold, trials of two speakers as often as both
together. Seeds are resampled beside them. Both systems see the same draws (a paired bootstrap).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from joint.errors import DataError

DRAWS = 1000


@dataclass(frozen=True)
class Change:
    """A relative change in percent, and the bounds between which 95 % of the draws lie."""

    percent: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.percent:+.1f} % [{self.low:+.1f}, {self.high:+.1f}]"


@dataclass(frozen=True)
class TrialSpeakers:
    """Whose recordings the trials compare: `labels (T,)` 1 for one speaker, and the speakers'
    numbers `first (T,)` and `second (T,)`."""

    labels: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def weights(self, draws: int, seed: int) -> np.ndarray:
        """How often each trial counts in each draw of speakers, `(draws, T)` float32."""
        count = int(max(self.first.max(), self.second.max())) + 1
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=draws).astype(np.float32)
        one, other = drawn[:, self.first], drawn[:, self.second]
        return np.where(self.first == self.second, one, one * other)


def weighted_eer(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Equal error rates in percent, `(draws,)`, of `scores (T,)` whose trials count `weights
    (draws, T)`; NaN for a draw without target or without non-target trials."""
    order = np.argsort(scores, kind="stable")
    target = labels[order].astype(bool)
    own = weights[:, order].astype(np.float64)
    miss = np.cumsum(np.where(target, own, 0.0), axis=1)
    passed = np.cumsum(np.where(target, 0.0, own), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        miss /= miss[:, -1:]
        alarm = 1.0 - passed / passed[:, -1:]
    # the threshold lies behind the last trial at which more is accepted falsely than missed
    after = np.argmax(miss >= alarm, axis=1)
    before = np.maximum(after - 1, 0)
    row = np.arange(len(own))
    low, high = (miss - alarm)[row, before], (miss - alarm)[row, after]
    share = np.where(high > low, -low / np.where(high > low, high - low, 1.0), 0.0)
    rate = miss[row, before] + share * (miss[row, after] - miss[row, before])
    return np.where(np.isfinite(miss[:, -1] + passed[:, -1]), 100.0 * rate, np.nan)


def drawn_eers(
    scores: np.ndarray, trials: TrialSpeakers, draws: int = DRAWS, seed: int = 0
) -> np.ndarray:
    """Equal error rates in percent of one run, `(1 + draws,)`: of all trials first, then of each
    draw of speakers; the same draws for the same `trials`, whatever the `scores (T,)`."""
    all_once = np.ones((1, len(trials.labels)), np.float32)
    weights = np.concatenate([all_once, trials.weights(draws, seed)])
    return weighted_eer(scores, trials.labels, weights)


def change_of_eer(
    baseline: Sequence[np.ndarray], other: Sequence[np.ndarray], seed: int = 0
) -> Change:
    """The relative change of the mean EER from `baseline` to `other`, each the `drawn_eers` of one
    run a seed, in the same order of seeds.

    Raises DataError where the systems have not the same number of seeds.
    """
    if len(baseline) != len(other) or not baseline:
        raise DataError("seeds", f"{len(baseline)} and {len(other)}", "as many of both systems")
    before, after = np.stack(baseline), np.stack(other)
    draws = before.shape[1] - 1
    seeds = np.random.default_rng((seed, 1)).integers(len(baseline), size=(len(baseline), draws))
    columns = np.arange(1, draws + 1)
    means = [rates[seeds, columns].mean(axis=0) for rates in (before, after)]
    relative = 100.0 * (means[1] / means[0] - 1.0)
    whole = 100.0 * (after[:, 0].mean() / before[:, 0].mean() - 1.0)
    low, high = np.nanpercentile(relative, [2.5, 97.5])
    return Change(float(whole), float(low), float(high))
