"""Forced alignment of phones by a CTC head, and boundaries to compare it with others."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from joint.data.phones import PhoneIntervals
from joint.losses.ctc import BLANK
from joint.units import Samples


def forced_spans(log_probabilities: Tensor, phones: Sequence[int]) -> np.ndarray:
    """First frame of each phone and the frame after its last, `(P, 2)`, on the best path through
    `log_probabilities (F, phones)`. Raises ValueError where there are too few frames."""
    from torchaudio.functional import forced_align, merge_tokens

    if not phones:
        return np.zeros((0, 2), dtype=np.int64)
    target = torch.tensor([list(phones)], dtype=torch.int32)
    try:
        path, scores = forced_align(log_probabilities[None].cpu(), target, blank=BLANK)
    except RuntimeError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    spans = merge_tokens(path[0], scores[0], blank=BLANK)
    return np.array([[span.start, span.end] for span in spans])


def without_priors(log_probabilities: Tensor, log_priors: Tensor, weight: float) -> Tensor:
    """Log-probabilities divided by the priors to the power `weight`, as CTC emits a phone in few
    frames and blank in all others (Huang et al., ICASSP 2024)."""
    return (log_probabilities - weight * log_priors).log_softmax(dim=-1)


def boundaries(spans: np.ndarray, hop: Samples, offset: Samples) -> np.ndarray:
    """Boundaries between neighbouring phones in Samples, `(P − 1,)`: halfway between the last frame
    of one and the first of the next."""
    middle = (spans[:-1, 1] - 1 + spans[1:, 0]) / 2.0
    found: np.ndarray = offset + hop * middle
    return found


def adjacent(intervals: PhoneIntervals) -> tuple[np.ndarray, np.ndarray]:
    """The boundaries between an alignment's neighbouring phones in Samples `(P − 1,)`, and whether
    the two touch, without silence between."""
    spoken = np.flatnonzero(intervals.phones > 0)
    return intervals.ends[spoken[:-1]], np.diff(spoken) == 1
