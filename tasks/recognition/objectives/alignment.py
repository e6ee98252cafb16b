"""Frame-wise cross-entropy against an alignment, beside CTC: the first epochs of a training learn
much faster than with CTC alone."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.encoders.frames import Frames
from joint.losses.ctc import BLANK
from joint.text.spans import Spans
from joint.units import Samples


def aligned(ids: Tensor, spans: Spans, hidden: Frames) -> Tensor:
    """The unit of `ids (B, P)` at the centre of each frame of `hidden`, `(B, F)`, blank between
    units."""
    count = hidden.features.shape[1]
    moment = (hidden.offset + hidden.hop * torch.arange(count, device=ids.device))[:, None]
    within = (spans.starts[:, None] <= moment) & (moment < spans.ends[:, None])
    return torch.where(within, ids[:, None], BLANK).amax(dim=2)


def interleaved(
    sequence: Sequence[int], spans: Sequence[tuple[Samples, Samples]], hop: Samples
) -> list[tuple[Samples, Samples]]:
    """The times of a serialized `sequence` of places in `spans`: each unit from its start, or the
    end of the one before, to its end. A change token, −1, has the first `hop` of the unit after
    it."""
    times, reached = [], 0
    for place, unit in enumerate(sequence):
        change = unit < 0
        start, end = spans[sequence[place + 1] if change else unit]
        begin = max(start, reached)
        times.append((begin, begin + hop if change else end))
        reached = reached if change else end
    return times


def alignment_losses(
    log_probabilities: Tensor,
    frames: Tensor,
    ids: Tensor,
    counts: Tensor,
    spans: Spans,
    hidden: Frames,
) -> Tensor:
    """Cross-entropy of the frames against an alignment, `(B,)` in nats, as hybrid systems train
    (and Zeyer et al., Interspeech 2020, initialise a transducer).

    It has CTC's scale: the mean over a recording's frames times its units and one for the end. 0
    where times are missing.

    `log_probabilities (B, F, V)` float32, of which `frames (B,)` count; `ids (B, P)`, of which
    `counts (B,)` do; `hidden` are the frames that the probabilities were computed from.
    """
    own = torch.arange(log_probabilities.shape[1], device=ids.device) < frames[:, None]
    labels = aligned(ids, spans, hidden)
    losses = F.nll_loss(log_probabilities.transpose(1, 2), labels, reduction="none")
    mean = (losses * own).sum(dim=1) / frames.clamp(min=1)
    place = torch.arange(ids.shape[1], device=ids.device)
    timed = ((spans.ends >= 0) | (place >= counts[:, None])).all(dim=1)
    return torch.where(timed, mean * (counts + 1), 0.0)
