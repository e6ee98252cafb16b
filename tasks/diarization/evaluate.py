"""Diarization error rate: missed speech, false alarms and speaker confusion."""

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
    """Samples of the reference's `speech`, summed over speakers, and of the three errors."""

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
        """The sum of the errors in percent of the speech; NaN where there is none."""
        return self.percent(self.missed + self.false_alarm + self.confusion)

    def percent(self, samples: Samples) -> float:
        """`samples` in percent of the speech."""
        return 100.0 * samples / self.speech if self.speech else float("nan")


def diarization_errors(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    collar: Seconds = 0.0,
    overlap: bool = True,
) -> DiarizationErrors:
    """Errors of one recording, under the mapping of speakers that makes them fewest.

    Where R speakers of the reference and H of the hypothesis speak, C of them correct,
    max(0, R − H) are missed, max(0, H − R) are false alarms and min(R, H) − C are confused (NIST,
    "The 2009 (RT-09) rich transcription meeting recognition evaluation plan", section 6). Time
    within `collar` of the start or end of a reference turn is not scored, nor, without `overlap`,
    time in which several speakers of the reference speak.
    """
    known, found = _regions(reference), _regions(hypothesis)
    kept_out = _collars(known, round(collar * SAMPLE_RATE))
    spans = list(_spans(known, found, kept_out))
    if not overlap:
        spans = [span for span in spans if span.reference.sum() < 2]
    together = np.zeros((len(known), len(found)), dtype=np.int64)
    for span in spans:
        together += span.samples * np.outer(span.reference, span.hypothesis)
    right = int(together[linear_sum_assignment(together, maximize=True)].sum())
    speech = missed = false_alarm = both = 0
    for span in spans:
        actual, claimed = int(span.reference.sum()), int(span.hypothesis.sum())
        speech += actual * span.samples
        missed += max(0, actual - claimed) * span.samples
        false_alarm += max(0, claimed - actual) * span.samples
        both += min(actual, claimed) * span.samples
    return DiarizationErrors(speech, missed, false_alarm, both - right)


def evaluate_diarization(
    reference: Sessions, hypothesis: Sessions, collar: Seconds = 0.0, overlap: bool = True
) -> dict[str, Any]:
    """Error rates over all recordings, and how often the number of speakers is right.

    A recording that the hypothesis lacks counts as one without turns. Raises DataError for a
    reference without recordings or speech, and a hypothesis with other recordings.
    """
    if unknown := sorted(set(hypothesis) - set(reference)):
        raise DataError("hypothesis", f"recording {unknown[0]}", "one of the reference")
    total, counted = DiarizationErrors(), 0
    for session, turns in reference.items():
        found = hypothesis.get(session, [])
        total += diarization_errors(turns, found, collar, overlap)
        counted += len({turn.speaker for turn in turns}) == len({turn.speaker for turn in found})
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
    """Samples with the same active speakers: `reference (R,)` and `hypothesis (H,)`, 0 or 1."""

    samples: Samples
    reference: np.ndarray
    hypothesis: np.ndarray


def _regions(turns: Sequence[Turn]) -> list[list[Region]]:
    """The regions of each speaker; turns of one speaker that touch or overlap are one region."""
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
    """The scored time, cut wherever a speaker starts or ends."""
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
