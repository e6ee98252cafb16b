"""Regions of speech from reference turns; joint.inspection.speech detects them in a recording."""

from collections.abc import Iterable

from joint.conversation.turns import Turn
from joint.inspection.speech import Region


def oracle_speech(turns: Iterable[Turn]) -> list[Region]:
    """The speech of a reference: its turns, those that touch or overlap as one region."""
    return joined(Region(turn.start, turn.end) for turn in turns)


def joined(regions: Iterable[Region]) -> list[Region]:
    """Regions in order; those that touch or overlap are one."""
    found: list[Region] = []
    for start, end in sorted(regions):
        if found and start <= found[-1].end:
            found[-1] = Region(found[-1].start, max(end, found[-1].end))
        else:
            found.append(Region(start, end))
    return found
