"""What verification makes of synthetic voices: which of them it accepts as the person."""

from dataclasses import dataclass

import numpy as np

from analysis.synthesis.voices import NATURAL, Speech
from joint.metrics.detection import ErrorRates, error_rates


@dataclass(frozen=True)
class Trials:
    """Cosines with the natural enrolments: `own (n,)` of each recording with that of its person,
    `other (n·(N - 1),)` with those of everybody else."""

    own: np.ndarray
    other: np.ndarray

    @classmethod
    def of(cls, speech: Speech, system: str, encoder: str) -> "Trials":
        """Of a system's recordings, or of the natural ones."""
        cosines = speech.embeddings(system, encoder) @ speech.enrolments(encoder).T
        mine = speech.owner[:, None] == np.arange(len(speech.voices))
        return cls(cosines[mine], cosines[~mine])


def against(targets: np.ndarray, others: np.ndarray) -> ErrorRates:
    """Error rates of `targets (n,)` against `others (m,)`."""
    labels = np.repeat([1, 0], [len(targets), len(others)])
    return error_rates(np.concatenate([targets, others]), labels)


def spoofing(speech: Speech, encoder: str, threshold: float | None) -> dict[str, dict[str, float]]:
    """A row for the natural recordings and for each system.

    Scores are cosines with an enrolment that no system was given. `accepted_percent` are
    recordings of (or in the voice of) the enrolled person that score at least the `threshold`
    (None: that of the natural trials' EER), `accepted_as_others_percent` the same recordings
    against everybody else. `eer_percent` is that of both kinds of trial: how well the recordings
    tell the voices apart. `spoofing_eer_percent` is that of natural target trials against the
    system's in their place: 50 where verification cannot tell a clone from its person.
    """
    natural = Trials.of(speech, NATURAL, encoder)
    rates = against(natural.own, natural.other)
    used = rates.eer().threshold if threshold is None else threshold
    found: dict[str, dict[str, float]] = {}
    for system in speech.measured:
        trials = Trials.of(speech, system, encoder)
        found[system] = {
            "threshold": float(used),
            "accepted_percent": 100.0 * float((trials.own >= used).mean()),
            "accepted_as_others_percent": 100.0 * float((trials.other >= used).mean()),
            "eer_percent": against(trials.own, trials.other).eer().percent,
        }
        if system != NATURAL:
            spoofed = against(natural.own, trials.own).eer().percent
            found[system]["spoofing_eer_percent"] = spoofed
    return found
