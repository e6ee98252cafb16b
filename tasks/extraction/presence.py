"""Whether the enrolled speaker is in a mixture: a score from what the shared encoder makes of the
mixture and of the extracted speech."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from joint.directions import unit
from joint.errors import CheckpointError, DataError
from joint.units import SAMPLE_RATE, Seconds

KEY = "presence"
"""Of a checkpoint's metadata: `{offset, gains, threshold}`."""

MEASURES = ("output_cosine", "window_cosine", "output_level_db")
LENGTH: Seconds = 1.5
HOP: Seconds = 0.75
"""Windows of the mixture: somebody who talks alone for so long is recognised there."""

MISSED = 0.02
"""The share of present speakers that the threshold takes for absent."""

FAINT = 1e-8
"""Share of the mixture's power below which the output is silence."""

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Waveforms `(S,)` float32 at 16 kHz to embeddings `(n, E)`."""


@dataclass(frozen=True)
class Ratio:
    """A log-likelihood ratio that is linear in what is `MEASURED`, `offset + gains · measures`, and
    the `threshold` from which on it decides. A checkpoint's metadata has it under `KEY`."""

    KEY: ClassVar[str]
    MEASURED: ClassVar[tuple[str, ...]]

    offset: float
    gains: tuple[float, ...]
    threshold: float

    def __call__(self, measured: np.ndarray) -> float:
        """The score of `measures (m,)`."""
        return float(self.offset + measured @ np.array(self.gains))

    @classmethod
    def read(cls, stored: Any) -> Self:
        """As stored. Raises KeyError, TypeError or ValueError."""
        gains = tuple(float(gain) for gain in stored["gains"])
        return cls(float(stored["offset"]), gains, float(stored["threshold"]))

    @classmethod
    def of(cls, stored: Any, path: str | Path = "checkpoint") -> Self | None:
        """The decision that a checkpoint's metadata has; None for None. Raises CheckpointError."""
        if stored is None:
            return None
        found: Self | None
        try:
            found = cls.read(stored)
        except (AttributeError, KeyError, TypeError, ValueError):
            found = None
        if found is None or len(found.gains) != len(cls.MEASURED):
            count = len(cls.MEASURED)
            expected = ", ".join(f.name for f in fields(cls)).replace("gains", f"{count} gains")
            raise CheckpointError(path, f"{cls.KEY} {stored!r}", expected)
        return found


@dataclass(frozen=True)
class Presence(Ratio):
    """The log-likelihood ratio that a speaker is present; below `threshold` the speaker counts as
    absent."""

    KEY: ClassVar[str] = KEY
    MEASURED: ClassVar[tuple[str, ...]] = MEASURES

    def among(self, people: int) -> "Presence":
        """The decision where each of several `people` is looked for in one mixture. Few of them
        talk in it however many there are, so the odds that one does fall with their number, and the
        least log-likelihood ratio grows by its logarithm (Bayes' rule, the costs unchanged)."""
        return replace(self, threshold=self.threshold + math.log(people))

    @classmethod
    def fit(cls, measured: np.ndarray, present: np.ndarray, missed: float = MISSED) -> "Presence":
        """Logistic regression on `measured (n, 3)` and `present (n,)`, both classes of one weight;
        the threshold is the score below which a share `missed` of the present speakers lies.

        Raises DataError where all are present, or none.
        """
        if present.all() or not present.any():
            raise DataError("presence", "one class", "speakers who are present and who are not")
        fitted = cls(*fitted_ratio(measured, present), 0.0)
        scores = [fitted(row) for row in measured[present]]
        return cls(fitted.offset, fitted.gains, float(np.quantile(scores, missed)))


def fitted_ratio(measured: np.ndarray, positive: np.ndarray) -> tuple[float, tuple[float, ...]]:
    """Offset and gains of a log-likelihood ratio that is linear in `measured (n, m)`: logistic
    regression on `positive (n,)`, both classes of one weight."""
    from sklearn.linear_model import LogisticRegression  # slow to import: only to fit

    middle, spread = measured.mean(axis=0), np.maximum(measured.std(axis=0), 1e-12)
    model = LogisticRegression(class_weight="balanced")
    model.fit((measured - middle) / spread, positive)
    gains = model.coef_[0] / spread
    offset = float(model.intercept_[0] - gains @ middle)
    return offset, tuple(float(gain) for gain in gains)


def measures(
    embed: Embed,
    mixture: np.ndarray,
    enrolled: np.ndarray,
    output: np.ndarray,
    around: np.ndarray | None = None,
) -> np.ndarray:
    """What tells a present speaker from an absent one, `(3,)`: the cosine of the enrolment with the
    output, the highest one with a window of 1.5 s of the mixture, and the level of the output in
    decibels relative to the mixture.

    Args:
        mixture, output: `(S,)` float32 at 16 kHz.
        enrolled: the embedding `(E,)` of the enrolment.
        around: what `window_embeddings` gives for the mixture; computed where None.
    """
    power, total = (float(np.mean(np.square(w, dtype=np.float64))) for w in (output, mixture))
    if power <= FAINT * total:
        output, power = mixture, FAINT * total
    around = window_embeddings(embed, mixture) if around is None else around
    known = unit(enrolled)
    own, windows = float(unit(embed([output])[0]) @ known), unit(around) @ known
    return np.array([own, windows.max(), 10 * np.log10(power / total)])


def window_embeddings(embed: Embed, mixture: np.ndarray) -> np.ndarray:
    """The embeddings `(n, E)` of windows of 1.5 s of `mixture (S,)`, the same for whoever may be in
    it."""
    return embed(_windows(mixture))


def _windows(mixture: np.ndarray) -> list[np.ndarray]:
    """Windows, evenly spread, that are not digital silence."""
    length, hop = round(LENGTH * SAMPLE_RATE), round(HOP * SAMPLE_RATE)
    last = max(0, len(mixture) - length)
    starts = np.linspace(0, last, 1 + -(-last // hop)).round().astype(int)
    windows = [mixture[start : start + length] for start in starts]
    return [window for window in windows if window.any()]
