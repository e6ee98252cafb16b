"""Diarize annotated meetings and score the turns found."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joint.audio import read_audio
from joint.conversation.turns import Turn
from joint.data.choices import Check
from joint.data.prepare.checking import checked
from joint.errors import AudioError, DataError
from joint.inspection.speech import Region
from joint.training.memory import giving_back
from joint.training.progress import shown
from joint.units import SAMPLE_RATE, Samples, Seconds
from tasks.diarization.evaluate import evaluate_diarization, merged
from tasks.diarization.pipeline import Diarizer
from tasks.diarization.segments import oracle_speech

ROUNDING: Seconds = 0.01
"""A region may be this much longer than the recording: times of a UEM are rounded."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Meeting:
    """A recording with its reference: `turns`, and the regions that are `scored` (its UEM); None
    where all of it is."""

    name: str
    path: Path
    turns: Sequence[Turn]
    scored: Sequence[Region] | None = None

    @property
    def speakers(self) -> int:
        """The number of speakers in the reference."""
        return len({turn.speaker for turn in self.turns})


def evaluate_meetings(
    diarizer: Diarizer,
    meetings: Sequence[Meeting],
    speech_given: bool = False,
    speakers: int | Callable[[Meeting], int] | None = None,
    collar: Seconds = 0.0,
    skip_overlap: bool = False,
    progress: bool = False,
) -> tuple[dict[str, Any], dict[str, list[Turn]]]:
    """The figures of `evaluate_diarization` on `meetings`, and the turns found in each.

    Every recording is diarized whole, and scored where its UEM says so.

    Args:
        speech_given: speech is where the reference has turns, and not where the diarizer finds it.
        speakers: their number in every recording, or in each; None: it is estimated. Where little
            speech is found, there are no more of them than windows, and no turns where there are 0.

    Overlapping turns of one speaker in a reference are merged, regions and turns beyond the end of
    a recording clipped, with a warning; a recording that cannot be read is left out with a warning
    and counted as `skipped_recordings`. Raises DataError where none can be read, and for regions
    all of which are beyond the end.
    """
    scored, skipped = _scored(meetings)
    reference: dict[str, list[Turn]] = {}
    hypothesis: dict[str, list[Turn]] = {}
    for meeting in giving_back(shown(meetings, "diarizing", progress)):
        if meeting.name not in scored:
            continue
        try:
            waveform = read_audio(meeting.path)
        except AudioError as error:
            logger.warning("skipped %s: %s", meeting.name, error)
            skipped += 1
            continue
        turns = _known(meeting, len(waveform))
        speech = oracle_speech(turns) if speech_given else None
        count = speakers(meeting) if callable(speakers) else speakers
        reference[meeting.name] = turns
        found = [] if count == 0 else diarizer(waveform, speech, count, fewer=True)
        hypothesis[meeting.name] = found
    if not reference:
        raise DataError("recordings", "none that can be read", "at least one")
    figures = evaluate_diarization(reference, hypothesis, collar, skip_overlap, scored)
    rows = figures.pop("by_recording")
    return {**figures, "skipped_recordings": skipped, "by_recording": rows}, hypothesis


def _scored(meetings: Sequence[Meeting]) -> tuple[dict[str, list[Region]], int]:
    """The scored regions of each recording by its header, so that faults show before any work; and
    the number of recordings that cannot be read."""
    found: dict[str, list[Region]] = {}
    infos = checked((meeting.path for meeting in meetings), Check.HEADER)
    for meeting, info in zip(meetings, infos, strict=True):
        if isinstance(info, AudioError):
            logger.warning("skipped %s: %s", meeting.name, info)
            continue
        length = int(info.samples * SAMPLE_RATE / info.sample_rate)
        found[meeting.name] = _regions(meeting, length)
    return found, len(meetings) - len(found)


def _regions(meeting: Meeting, length: Samples) -> list[Region]:
    """The scored regions, which end where the recording of `length` ends."""
    whole = Region(0, length)
    if meeting.scored is None:
        return [whole]
    inside = [_clipped(region, whole) for region in meeting.scored if region.start < length]
    seconds = length / SAMPLE_RATE
    end = max(region.end for region in meeting.scored) / SAMPLE_RATE
    if not inside:
        found = f"a UEM up to {end:g} s, none of it in the recording"
        raise DataError(meeting.name, found, f"regions of its {seconds:g} s")
    if end > seconds + ROUNDING:
        logger.warning("%s: its UEM ends at %g s, clipped to %g s", meeting.name, end, seconds)
    return inside


def _known(meeting: Meeting, length: Samples) -> list[Turn]:
    """The reference's turns, each speaker's own without overlap, and none beyond the end."""
    turns, whole = merged(meeting.turns), Region(0, length)
    if not turns:
        logger.warning("%s: no turn in the reference", meeting.name)
    if doubled := len(meeting.turns) - len(turns):
        found = "%s: %d turns overlap others of the same speaker, merged"
        logger.warning(found, meeting.name, doubled)
    if late := [turn for turn in turns if turn.end > length + ROUNDING * SAMPLE_RATE]:
        found = "%s: %d turns end after the recording's end at %g s, clipped"
        logger.warning(found, meeting.name, len(late), length / SAMPLE_RATE)
    return [
        Turn(turn.speaker, *_clipped(Region(turn.start, turn.end), whole), turn.text)
        for turn in turns
        if turn.start < length
    ]


def _clipped(region: Region, whole: Region) -> Region:
    return Region(max(region.start, whole.start), min(region.end, whole.end))
