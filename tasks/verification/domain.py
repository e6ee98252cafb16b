"""The domain of an encoder, measured on trials: how far recordings may differ from clean ones until
its threshold no longer holds. `joint.inspection.domain` keeps a score within these bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from joint.data.corpus import Corpus
from joint.data.scenes.distortions.levels import Clipping
from joint.inspection.domain import DEFAULT, Bounds
from joint.units import Decibels
from tasks.verification.conditions import (
    CONDITIONS,
    RECORDED,
    Treatment,
    condition_scores,
    errors,
    white_noise,
)
from tasks.verification.embedding import Embed
from tasks.verification.trials import Trials

ALARMS, MISSES_ONE, MISSES_BOTH = 8.0, 25.0, 15.0
"""Most false alarms in percent, and most misses with one side of a trial treated and with both, at
which the threshold still holds; where the untreated trials have more, `SLACK` times theirs."""
SLACK = 1.5


@dataclass(frozen=True)
class Rung:
    """Treatments that all have to be borne for a property to be bounded only by `bounds`."""

    bounds: Bounds
    treatments: Mapping[str, Treatment]


def zeros(share: float, before: bool) -> Treatment:
    """Digital silence, as a share of the result, before or after."""

    def treat(waveform: np.ndarray, _: Generator) -> np.ndarray:
        count = round(len(waveform) * share / (1.0 - share))
        return np.pad(waveform, (count, 0) if before else (0, count))

    return treat


def conditions(*names: str) -> Mapping[str, Treatment]:
    """Conditions of `joint evaluate verification --conditions`."""
    return {name: CONDITIONS[name] for name in names}


SNR_ERROR: Decibels = 3.0
"""How far an SNR that is measured may be below the true one."""

LADDERS: Mapping[str, Sequence[Rung]] = {
    "bandwidth_hertz": (
        # What is measured of an edge at 5.5 or 3.4 kHz is lower in quiet and short recordings.
        Rung((4900.0, None), conditions("11 kHz", "MP3, low rate")),
        Rung((3000.0, None), conditions("8 kHz", "telephone")),
    ),
    "zeros_share": tuple(
        Rung(
            (None, round(share + 0.02, 2)),
            {
                f"{share:.0%} zeros before": zeros(share, before=True),
                f"{share:.0%} zeros after": zeros(share, before=False),
            },
        )
        for share in (0.1, 0.25, 0.5)
    ),
    "clipped_share": tuple(
        Rung((None, share), {f"{share:.0%} clipped": Clipping(1.0, (share, share))})
        for share in (0.03, 0.1)
    ),
    "snr_db": tuple(
        Rung(
            (decibels - SNR_ERROR, None), {f"white noise {decibels:.0f} dB": white_noise(decibels)}
        )
        for decibels in (20.0, 15.0, 10.0, 5.0)
    ),
}
"""Treatments of each property, from mild to strong."""

CLEAN: Mapping[str, Bounds] = {**DEFAULT, "snr_db": (25.0, None)}
"""The bounds of a property whose mildest treatment is not borne."""


def measured_domain(
    embed: Embed, sets: Sequence[tuple[Corpus, Trials]], threshold: float
) -> tuple[dict[str, Bounds], dict[str, Any]]:
    """The widest bounds within which `threshold` holds on every one of `sets`, for a checkpoint's
    metadata; and, of each treatment and each set, the errors with one side of the trials treated
    and with both."""
    treatments = {RECORDED: CONDITIONS[RECORDED]}
    for rung in (rung for rungs in LADDERS.values() for rung in rungs):
        treatments |= rung.treatments
    tables = [_errors(embed, *given, treatments, threshold) for given in sets]
    bounds = {}
    for name, rungs in LADDERS.items():
        bounds[name] = CLEAN[name]
        for rung in rungs:
            pairs = [(table[t], table[RECORDED]) for table in tables for t in rung.treatments]
            if not all(_holds(found, clean) for found, clean in pairs):
                break
            bounds[name] = rung.bounds
    return bounds, {name: [table[name] for table in tables] for name in treatments}


Found = Mapping[str, Mapping[str, float]]
"""Errors in percent, of `one_side` treated and of `both_sides`."""


def _errors(
    embed: Embed,
    corpus: Corpus,
    trials: Trials,
    treatments: Mapping[str, Treatment],
    threshold: float,
) -> dict[str, Found]:
    utterances = len(trials.names)
    labels, found = condition_scores(embed, corpus, trials, treatments, utterances)
    return {
        scores.name: {
            "one_side": errors(scores.one_side, labels, threshold),
            "both_sides": errors(scores.both_sides, labels, threshold),
        }
        for scores in found
    }


def _holds(found: Found, clean: Found) -> bool:
    """Whether the errors of a treatment are few, or not many more than without it."""
    reference = clean["one_side"]
    limits = {
        ("one_side", "false_alarm_percent"): ALARMS,
        ("both_sides", "false_alarm_percent"): ALARMS,
        ("one_side", "miss_percent"): MISSES_ONE,
        ("both_sides", "miss_percent"): MISSES_BOTH,
    }
    return all(
        found[side][error] <= max(limit, SLACK * reference[error])
        for (side, error), limit in limits.items()
    )
