"""Diarization error rate: speech that is missed, invented or given to the wrong person."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from joint.conversation.turns import Sessions, Turn
from joint.errors import DataError
from joint.units import SAMPLE_RATE, Samples, Seconds
from tasks.diarization.segments import Region, joined


@dataclass(frozen=True)
class DiarizationErrors:
    """Samples of the reference's `speech`, each speaker's counted, and of the three errors."""

    speech: Samples = 0
    missed: Samples = 0
    false_alarm: Samples = 0
    confusion: Samples = 0

    def __add__(self, other: "DiarizationErrors") -> "DiarizationErrors":
        return DiarizationErrors(
            self.speech + other.speech,
            self.missed + other.missed,
            self.false_alarm + other.false_alarm,
            self.confusion + other.confusion,
        )

    @property
    def der_percent(self) -> float:
        """All errors over the speech; NaN where there is none."""
        return self.percent(self.missed + self.false_alarm + self.confusion)

    def percent(self, samples: Samples) -> float:
        """`samples` over the speech."""
        return 100.0 * samples / self.speech if self.speech else float("nan")


def diarization_errors(
    reference: Sequence[Turn],
    estimate: Sequence[Turn],
    collar: Seconds = 0.0,
    overlap: bool = True,
) -> DiarizationErrors:
    """Errors of one recording under the mapping of names that makes them fewest.

    Where R people speak and the estimate has H of whom C are right: max(0, R − H) missed,
    max(0, H − R) invented, min(R, H) − C confused (NIST, "The 2009 (RT-09) rich transcription
    meeting recognition evaluation plan", section 6). Nothing is scored within `collar` of where a
    reference turn starts or ends nor, without `overlap`, where two people of the reference speak.
    """
    known, found = _stretches(reference), _stretches(estimate)
    kept_out = _collars(known, round(collar * SAMPLE_RATE))
    spans = list(_spans(known, found, kept_out))
    if not overlap:
        spans = [span for span in spans if span.reference.sum() < 2]
    together = np.zeros((len(known), len(found)), dtype=np.int64)
    for span in spans:
        together += span.samples * np.outer(span.reference, span.estimate)
    right = int(together[linear_sum_assignment(together, maximize=True)].sum())
    speech = missed = false_alarm = both = 0
    for span in spans:
        said, heard = int(span.reference.sum()), int(span.estimate.sum())
        speech += said * span.samples
        missed += max(0, said - heard) * span.samples
        false_alarm += max(0, heard - said) * span.samples
        both += min(said, heard) * span.samples
    return DiarizationErrors(speech, missed, false_alarm, both - right)


def evaluate_diarization(
    reference: Sessions, estimate: Sessions, collar: Seconds = 0.0, overlap: bool = True
) -> dict[str, Any]:
    """Error rates over all recordings of a reference, and how often the number of people is right.

    A recording that the estimate lacks counts as one without speech. Raises DataError
    where the reference has no recordings or no speech, or the estimate others.
    """
    if strange := sorted(set(estimate) - set(reference)):
        raise DataError("estimate", f"recording {strange[0]}", "one of the reference")
    total, counted = DiarizationErrors(), 0
    for session, turns in reference.items():
        heard = estimate.get(session, [])
        total += diarization_errors(turns, heard, collar, overlap)
        counted += len({turn.speaker for turn in turns}) == len({turn.speaker for turn in heard})
    if not total.speech:
        raise DataError("reference", f"{len(reference)} recordings without speech", "some speech")
    return {
        "der_percent": total.der_percent,
        "missed_percent": total.percent(total.missed),
        "false_alarm_percent": total.percent(total.false_alarm),
        "confusion_percent": total.percent(total.confusion),
        "number_right_percent": 100.0 * counted / len(reference),
        "speech_seconds": total.speech / SAMPLE_RATE,
        "recordings": len(reference),
    }


@dataclass(frozen=True)
class _Span:
    """Samples over which the same people speak: `reference (R,)` and `estimate (H,)`, 0 or 1."""

    samples: Samples
    reference: np.ndarray
    estimate: np.ndarray


def _stretches(turns: Sequence[Turn]) -> list[list[Region]]:
    """Of each person, turns that touch or overlap as one: nobody speaks twice at a time."""
    own: dict[str, list[Region]] = {}
    for turn in turns:
        own.setdefault(turn.speaker, []).append(Region(turn.start, turn.end))
    return [joined(regions) for regions in own.values()]


def _collars(known: list[list[Region]], width: Samples) -> list[Region]:
    if not width:
        return []
    edges = (edge for regions in known for region in regions for edge in region)
    return joined(Region(edge - width, edge + width) for edge in edges)


def _spans(
    known: list[list[Region]], found: list[list[Region]], kept_out: list[Region]
) -> Iterator[_Span]:
    """What is scored, cut wherever somebody starts or ends."""
    people = [*known, *found, kept_out]
    changes: dict[Samples, list[tuple[int, int]]] = {}
    for person, regions in enumerate(people):
        for start, end in regions:
            changes.setdefault(start, []).append((person, 1))
            changes.setdefault(end, []).append((person, -1))
    times = sorted(changes)
    speaking = np.zeros(len(people), dtype=np.int64)
    for start, end in pairwise(times):
        for person, change in changes[start]:
            speaking[person] += change
        if not speaking[-1]:
            yield _Span(
                end - start, speaking[: len(known)].copy(), speaking[len(known) : -1].copy()
            )
