"""What the Python interface takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np

from joint.inspection.reading import InspectedRecording

if TYPE_CHECKING:
    from joint.task import Enrollment

Recording = np.ndarray | str | Path | InspectedRecording
"""A waveform `(S,)` at 16 kHz in [-1, 1], the path of an audio file, or what `inspect` gave."""

Enrolled: TypeAlias = Union[Recording, Sequence[Recording], "Enrollment"]
"""How one person is made known: by a recording, by several (a list), or by an `Enrollment`."""


@dataclass(frozen=True)
class Verification:
    """The result of verifying two recordings.

    `score` is the cosine of the two embeddings; `same` whether it reaches the checkpoint's
    `threshold`; `probability` that of the same speaker, for a prior of 0.5. They are None where the
    checkpoint has no threshold or no calibration. `withheld` names the flaw of a recording that the
    checkpoint cannot judge: then there is no probability, and without speech no decision.
    """

    score: float
    threshold: float | None
    same: bool | None
    probability: float | None
    withheld: str | None = None


@dataclass(frozen=True)
class Candidate:
    """An enrolled speaker: the score of a recording against that speaker, and the probability of
    one speaker; None without a calibration, and where `withheld` names the flaw of the recording or
    of the enrolment."""

    name: str
    score: float
    probability: float | None
    withheld: str | None = None


@dataclass(frozen=True)
class Identification:
    """The enrolled `speaker` of a recording (None: an unknown speaker, or no speech), all
    `candidates`, the best first, and the least score of a known speaker."""

    speaker: str | None
    candidates: tuple[Candidate, ...]
    threshold: float

    @property
    def best(self) -> Candidate:
        """The candidate with the highest score."""
        return self.candidates[0]


@dataclass(frozen=True)
class Extraction:
    """The extracted speech `waveform (S,)`, float32 at 16 kHz, as long as the mixture.

    `presence` is the log-likelihood ratio that the enrolled speaker is in the mixture, `present`
    whether it reaches the checkpoint's threshold; None where the checkpoint has none.
    """

    waveform: np.ndarray
    presence: float | None
    present: bool | None
