"""Diarization and Jaccard error rates, by pyannote.metrics."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from joint.conversation.turns import Sessions, Turn, in_order
from joint.errors import DataError, JointError
from joint.inspection.speech import Region
from joint.units import SAMPLE_RATE, Samples, Seconds
from tasks.diarization.segments import joined

if TYPE_CHECKING:
    from pyannote.core import Annotation, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

PARTS = {
    "missed_percent": "missed detection",
    "false_alarm_percent": "false alarm",
    "confusion_percent": "confusion",
}
"""Our names of the parts of the DER, and those of pyannote.metrics."""


def evaluate_diarization(
    reference: Sessions,
    hypothesis: Sessions,
    collar: Seconds = 0.0,
    skip_overlap: bool = False,
    scored: Mapping[str, Sequence[Region]] | None = None,
) -> dict[str, Any]:
    """Error rates over all recordings and, as `by_recording`, of each of them.

    The DER is missed speech, false alarms and confusion in percent of the reference's speech, each
    speaker counted where several speak, under the mapping of speakers that makes it least; the JER
    is the mean over all reference speakers of one less the Jaccard index with the speaker that they
    are mapped to. Both are those of pyannote.metrics (Bredin, "pyannote.metrics: a toolkit for
    reproducible evaluation, diagnostic, and error analysis of speaker diarization systems", 2017).

    Args:
        hypothesis: a recording that it lacks counts as one without turns.
        collar: seconds around each start and end of a reference turn that are not scored, half of
            them before it and half after; NIST's md-eval counts one side.
        skip_overlap: leave out the time in which several speakers of the reference speak.
        scored: the regions of each recording that are scored (its UEM); None: all of it.

    Turns of one speaker that overlap are one turn. A recording without speech has no percentages,
    but its false alarms count in the total. Raises DataError for a reference without recordings or
    speech, a hypothesis with other recordings, and a negative collar; JointError where the package
    pyannote.metrics is not installed.
    """
    if unknown := sorted(set(hypothesis) - set(reference)):
        raise DataError("hypothesis", f"recording {unknown[0]}", "one of the reference")
    if not (math.isfinite(collar) and collar >= 0):
        raise DataError("collar", f"{collar:g} s", "0 s or more")
    errors, jaccard = _metrics(collar, skip_overlap)
    rows = {}
    for name, turns in reference.items():
        found = hypothesis.get(name, ())
        regions = None if scored is None else scored[name]
        rows[name] = _row(errors, jaccard, turns, found, regions)
    if not (total := errors.accumulated_["total"]):
        raise DataError("reference", f"{len(reference)} recordings without speech", "some speech")
    right = sum(row["speakers"] == row["speakers_found"] for row in rows.values())
    return {
        **_percentages(abs(errors), errors.accumulated_),
        "jer_percent": 100.0 * abs(jaccard),
        "number_right_percent": 100.0 * right / len(rows),
        "speech_seconds": total,
        "recordings": len(rows),
        "by_recording": rows,
    }


def merged(turns: Iterable[Turn]) -> list[Turn]:
    """Turns in order, of which those of one speaker that overlap are one, with the words of the
    first."""
    own: dict[str, list[Turn]] = {}
    for turn in in_order(turns):
        before = own.setdefault(turn.speaker, [])
        if before and turn.start < before[-1].end:
            last = before.pop()
            turn = Turn(turn.speaker, last.start, max(last.end, turn.end), last.text)
        before.append(turn)
    return in_order(turn for before in own.values() for turn in before)


def _metrics(
    collar: Seconds, skip_overlap: bool
) -> tuple["DiarizationErrorRate", "JaccardErrorRate"]:
    try:
        from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate
    except ImportError as error:
        expected = "the extra `conversation` (pip install pyannote.metrics)"
        raise JointError("diarization errors", "no package pyannote.metrics", expected) from error
    return (
        DiarizationErrorRate(collar=collar, skip_overlap=skip_overlap),
        JaccardErrorRate(collar=collar, skip_overlap=skip_overlap),
    )


def _row(
    errors: "DiarizationErrorRate",
    jaccard: "JaccardErrorRate",
    turns: Sequence[Turn],
    found: Sequence[Turn],
    regions: Sequence[Region] | None,
) -> dict[str, Any]:
    """The figures of one recording, which both metrics add to their totals."""
    if regions is None:
        regions = [Region(0, max((turn.end for turn in (*turns, *found)), default=0))]
    known, claimed, where = _annotation(turns), _annotation(found), _timeline(regions)
    parts = errors(known, claimed, uem=where, detailed=True)
    jer = jaccard(known, claimed, uem=where)
    spoken = parts["total"] > 0
    return {
        **_percentages(parts[errors.name], parts),
        "jer_percent": 100.0 * jer if spoken else None,
        "speakers": len(known.crop(where).labels()),
        "speakers_found": len(claimed.crop(where).labels()),
        "speech_seconds": parts["total"],
    }


def _percentages(rate: float, parts: Mapping[str, float]) -> dict[str, float | None]:
    """The DER and its parts in percent; None where there is no speech."""
    total = parts["total"]
    if not total:
        return dict.fromkeys(("der_percent", *PARTS))
    shares = {name: 100.0 * parts[part] / total for name, part in PARTS.items()}
    return {"der_percent": 100.0 * rate, **shares}


def _annotation(turns: Sequence[Turn]) -> "Annotation":
    from pyannote.core import Annotation, Segment

    annotation = Annotation()
    for track, turn in enumerate(merged(turns)):
        annotation[Segment(_seconds(turn.start), _seconds(turn.end)), track] = turn.speaker
    return annotation


def _timeline(regions: Sequence[Region]) -> "Timeline":
    from pyannote.core import Segment, Timeline

    return Timeline(Segment(_seconds(start), _seconds(end)) for start, end in joined(regions))


def _seconds(samples: Samples) -> Seconds:
    return samples / SAMPLE_RATE
