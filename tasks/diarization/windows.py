"""Windows over speech, each with the part of it whose speaker it decides; and back to turns."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from joint.audio import MINIMUM
from joint.conversation.turns import Turn, in_order
from joint.inspection.speech import Region
from joint.units import SAMPLE_RATE, Samples, Seconds
from tasks.diarization.segments import joined

LENGTH: Seconds = 1.5
HOP: Seconds = 0.75


class Window(NamedTuple):
    """`input` is what the encoder gets, `decides` the part of the speech whose speaker it decides:
    what is nearer to this window's centre than to another's."""

    input: Region
    decides: Region


def windows(
    speech: Sequence[Region],
    samples: Samples,
    length: Seconds = LENGTH,
    hop: Seconds = HOP,
) -> list[Window]:
    """Spread windows evenly over each region of a recording of `samples`, at most `hop` apart.

    A region shorter than `length` is one window, widened where the encoder needs more samples. A
    recording shorter than 0.3 s, which no encoder takes, has none.
    """
    shortest, longest, step = (round(s * SAMPLE_RATE) for s in (MINIMUM, length, hop))
    if samples < shortest:
        return []
    found = []
    for start, end in speech:
        count = 1 + max(0, -(-(end - start - longest) // step))
        width = min(longest, end - start)
        centres = np.linspace(start + width / 2, end - width / 2, count)
        middles = np.round((centres[1:] + centres[:-1]) / 2).astype(int).tolist()
        for centre, part in zip(centres, pairwise([start, *middles, end]), strict=True):
            around = _around(float(centre), max(width, shortest), samples)
            found.append(Window(around, Region(*part)))
    return found


def _around(centre: float, width: Samples, samples: Samples) -> Region:
    """`width` samples around `centre`, moved into the recording."""
    start = min(max(0, round(centre - width / 2)), samples - width)
    return Region(start, start + width)


def turns_of(chosen: Sequence[Window], speakers: Sequence[str]) -> list[Turn]:
    """Turns in order from the speaker of each window; parts that touch are one turn."""
    parts: dict[str, list[Region]] = {}
    for window, speaker in zip(chosen, speakers, strict=True):
        parts.setdefault(speaker, []).append(window.decides)
    return in_order(Turn(speaker, *part) for speaker, own in parts.items() for part in joined(own))
