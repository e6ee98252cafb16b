"""Whether several people talk at once in an enrolment: a score from what the extractor keeps of it
and from the norm of its embedding."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch

from joint.errors import DataError
from joint.metrics.separation import si_sdr_db
from joint.units import Seconds
from tasks.extraction.presence import Embed, Ratio, fitted_ratio

if TYPE_CHECKING:
    from tasks.extraction.evaluate import Extract

KEY = "overlap"
"""Of a checkpoint's metadata: `{offset, gains, threshold, certain}`."""

MEASURES = ("kept_db", "embedding_norm")
LONGEST: Seconds = 8.0
"""Of an enrolment that much, with most speech, is looked at."""

ALARMS = 0.01
"""The share of recordings of one person that the threshold takes for several people."""
ENOUGH = 600
"""Recordings of one person among which none may be certain to be of several: the share of such
alarms is then below 3/600 = 0.5 % with a confidence of 95 % (the rule of three)."""


@dataclass(frozen=True)
class Overlap(Ratio):
    """The log-likelihood ratio that several people talk at once; from `threshold` on a recording
    counts as one of several, above `certain` surely (None: never)."""

    KEY: ClassVar[str] = KEY
    MEASURED: ClassVar[tuple[str, ...]] = MEASURES

    certain: float | None = None

    @classmethod
    def read(cls, stored: Any) -> Self:
        """See Ratio."""
        certain = stored.get("certain")
        return replace(super().read(stored), certain=None if certain is None else float(certain))

    @classmethod
    def fit(
        cls,
        measured: np.ndarray,
        several: np.ndarray,
        alarms: float = ALARMS,
        enough: int = ENOUGH,
    ) -> "Overlap":
        """Logistic regression on `measured (n, 2)` and `several (n,)`, both classes of one weight;
        the threshold is the score above which a share `alarms` of the recordings of one person
        lies, and `certain` the highest of theirs, where they are `enough`.

        Raises DataError where all are of several people, or none.
        """
        if several.all() or not several.any():
            raise DataError("overlap", "one class", "recordings of one person and of several")
        offset, gains = fitted_ratio(measured, several)
        scores = offset + measured[~several] @ np.array(gains)
        certain = float(scores.max()) if len(scores) >= enough else None
        return cls(offset, gains, float(np.quantile(scores, 1 - alarms)), certain)


def measures(extract: "Extract", embed: Embed, recording: np.ndarray) -> np.ndarray:
    """What tells one voice from several at once, `(2,)`: the SI-SDR, in decibels, of what the
    extractor gives for the recording `(S,)` as mixture and as enrolment, against the recording
    itself (of one voice nothing has to be removed), and the norm of its embedding (an encoder that
    cannot place a voice gives a short one)."""
    kept = torch.from_numpy(extract(recording, recording))
    ratio = float(si_sdr_db(kept, torch.from_numpy(recording)))
    return np.array([ratio, float(np.linalg.norm(embed([recording])[0]))])
