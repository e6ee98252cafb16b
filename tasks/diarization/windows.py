"""Windows over speech, each with the stretch that its answer counts for; and back to turns."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from joint.audio import MINIMUM
from joint.conversation.turns import Turn, in_order
from joint.units import SAMPLE_RATE, Samples, Seconds
from tasks.diarization.segments import Region, joined

LENGTH: Seconds = 1.5
HOP: Seconds = 0.75


class Window(NamedTuple):
    """`heard` is what the encoder gets, `own` what the answer counts for: the part of the speech
    that is nearer to this window's centre than to another's."""

    heard: Region
    own: Region


def windows(
    speech: Sequence[Region],
    samples: Samples,
    length: Seconds = LENGTH,
    hop: Seconds = HOP,
) -> list[Window]:
    """Windows of a recording of `samples`, spread evenly over each region, `hop` apart at most.

    A region that is shorter than `length` is one window, widened into its surroundings where the
    encoder needs more. A recording that the encoder refuses, shorter than 0.3 s, has none.
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
        for centre, own in zip(centres, pairwise([start, *middles, end]), strict=True):
            heard = _around(float(centre), max(width, shortest), samples)
            found.append(Window(heard, Region(*own)))
    return found


def _around(centre: float, width: Samples, samples: Samples) -> Region:
    """`width` samples around `centre`, moved into the recording."""
    start = min(max(0, round(centre - width / 2)), samples - width)
    return Region(start, start + width)


def turns_of(chosen: Sequence[Window], speakers: Sequence[str]) -> list[Turn]:
    """Turns in order from the speaker of each window; stretches that touch are one turn."""
    stretches: dict[str, list[Region]] = {}
    for window, speaker in zip(chosen, speakers, strict=True):
        stretches.setdefault(speaker, []).append(window.own)
    return in_order(
        Turn(speaker, *stretch) for speaker, own in stretches.items() for stretch in joined(own)
    )
