"""From a recording to each person's activity, in pieces."""

from collections.abc import Callable

import torch
from torch import Tensor

from joint.conversation.activity import Activity
from joint.units import SAMPLE_RATE, Samples

LONGEST: Samples = 24 * SAMPLE_RATE
"""Longer recordings are worked on in pieces, as long as training has them."""
OVERLAP: Samples = 4 * SAMPLE_RATE
"""Two neighbouring pieces share so much; each is believed up to the middle of it."""


def in_pieces(activity: Callable[[Tensor], Activity], recording: Tensor) -> Activity:
    """The activity of `recording (S,)`, of which `activity` works on one piece at a time; a
    recording of at most `LONGEST` is one piece."""
    found = activity(recording[:LONGEST])
    if len(recording) <= LONGEST:
        return found
    hop, offset = found.hop, found.offset
    step = (LONGEST - OVERLAP) // hop * hop  # so that the frames of all pieces are one sequence
    kept = (step + OVERLAP // 2) // hop
    parts, start = [found.probabilities[:, :kept]], step
    while start + LONGEST < len(recording):
        found = activity(recording[start : start + LONGEST])
        parts.append(found.probabilities[:, kept - step // hop : kept])
        start += step
    found = activity(recording[start:])
    parts.append(found.probabilities[:, kept - step // hop :])
    return Activity(torch.cat(parts, dim=1), hop, offset)
