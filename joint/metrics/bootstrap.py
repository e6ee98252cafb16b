"""Confidence intervals of a difference of two equal error rates: a paired bootstrap over speakers
and training seeds.

Trials of one speaker are not independent, so speakers are resampled, not trials: a target trial of
a speaker drawn m times has weight m, a non-target trial the product of its speakers' weights. Both
systems are measured on the same draws.

Seeds are few. With one seed the interval is of the speakers alone: how far another training would
lie is not in it. With three it has, of the spread over trainings, about the range of the three,
which covers their true mean in three cases of four (1 - 2^(1-n) of n seeds), not in 95 %.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from joint.errors import DataError
from joint.metrics.detection import crossing

DRAWS = 1000

_VALUES = 1 << 22
"""Weights that are held at once: rows of draws times trials."""


@dataclass(frozen=True)
class Change:
    """A relative change in percent, and its 95 % confidence interval; what the interval covers
    with few seeds stands above."""

    percent: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.percent:+.1f} % [{self.low:+.1f}, {self.high:+.1f}]"


@dataclass(frozen=True)
class TrialSpeakers:
    """The speakers of each trial: `labels (T,)` is 1 for target trials, `first (T,)` and `second
    (T,)` number the speakers of both sides."""

    labels: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def drawn(self, draws: int, seed: int) -> np.ndarray:
        """How often each speaker is in each draw, `(draws, speakers)`."""
        count = int(max(self.first.max(), self.second.max())) + 1
        rng = np.random.default_rng(seed)
        return rng.multinomial(count, np.full(count, 1.0 / count), size=draws)

    def weights(self, drawn: np.ndarray) -> np.ndarray:
        """The weight of each trial, `(draws, T)` float32, where each speaker was `drawn (draws,
        speakers)` so often."""
        one, other = (drawn.astype(np.float32)[:, side] for side in (self.first, self.second))
        return np.where(self.first == self.second, one, one * other)


def weighted_eer(
    scores: np.ndarray, labels: np.ndarray, weights: Iterable[np.ndarray]
) -> np.ndarray:
    """Equal error rates in percent, `(draws,)`, of `scores (T,)` whose trials have `weights`, in
    blocks of `(some draws, T)`; NaN for a draw without target or without non-target trials."""
    order = np.argsort(scores, kind="stable")
    target = np.asarray(labels)[order].astype(bool)
    # trials of one score lie on the same side of every threshold: they are counted together
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.nan) != 0)
    parts = []
    for block in weights:
        own = block[:, order].astype(np.float64)
        rejected = [
            np.cumsum(np.add.reduceat(np.where(kind, own, 0.0), starts, axis=1), axis=1)
            for kind in (target, ~target)
        ]
        # the lowest threshold rejects no trial, the highest all
        below_target, below_other = (np.pad(each, ((0, 0), (1, 0))) for each in rejected)
        with np.errstate(invalid="ignore", divide="ignore"):
            miss = below_target / below_target[:, -1:]
            false_alarm = (below_other[:, -1:] - below_other) / below_other[:, -1:]
        parts.append(100.0 * crossing(miss, false_alarm).rate)
    return np.concatenate(parts)


def drawn_eers(
    scores: np.ndarray, trials: TrialSpeakers, draws: int = DRAWS, seed: int = 0
) -> np.ndarray:
    """Equal error rates in percent of one run, `(1 + draws,)`: of all trials first, then of each
    draw of speakers. The draws depend on `trials` and `seed` alone, not on the `scores (T,)`."""
    drawn = trials.drawn(draws, seed)
    rows = np.concatenate([np.ones((1, drawn.shape[1]), drawn.dtype), drawn])  # all once
    step = max(1, _VALUES // len(trials.labels))
    blocks = (trials.weights(rows[i : i + step]) for i in range(0, len(rows), step))
    return weighted_eer(scores, trials.labels, blocks)


def change_of_eer(
    baseline: Sequence[np.ndarray], other: Sequence[np.ndarray], seed: int = 0
) -> Change:
    """The relative change of the mean EER from `baseline` to `other`: the `drawn_eers` of one run
    for each training seed, in the same order of seeds. With few seeds the interval is too narrow:
    see the top of this file.

    Raises DataError where the numbers of seeds differ.
    """
    if len(baseline) != len(other) or not baseline:
        raise DataError("seeds", f"{len(baseline)} and {len(other)}", "equal numbers")
    before, after = np.stack(baseline), np.stack(other)
    draws = before.shape[1] - 1
    seeds = np.random.default_rng((seed, 1)).integers(len(baseline), size=(len(baseline), draws))
    columns = np.arange(1, draws + 1)
    means = [rates[seeds, columns].mean(axis=0) for rates in (before, after)]
    relative = 100.0 * (means[1] / means[0] - 1.0)
    whole = 100.0 * (after[:, 0].mean() / before[:, 0].mean() - 1.0)
    low, high = np.nanpercentile(relative, [2.5, 97.5])
    return Change(float(whole), float(low), float(high))
