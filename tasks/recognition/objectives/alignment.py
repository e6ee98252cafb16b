"""What an alignment knows of every frame, as a loss beside CTC's: it teaches in the first minutes
what CTC alone finds after many epochs."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.losses.ctc import BLANK
from joint.text.spans import Spans
from joint.units import Samples


def aligned(ids: Tensor, spans: Spans, frames: int, hop: Samples) -> Tensor:
    """The unit of `ids (B, P)` that is said at each of `frames` moments, every `hop` Samples, the
    first at 0: `(B, frames)`, blank where none is."""
    moment = hop * torch.arange(frames, device=ids.device)[:, None]
    said = (spans.starts[:, None] <= moment) & (moment < spans.ends[:, None])
    return torch.where(said, ids[:, None], BLANK).amax(dim=2)


def interleaved(
    sequence: Sequence[int], spans: Sequence[tuple[Samples, Samples]], hop: Samples
) -> list[tuple[Samples, Samples]]:
    """When the units of a `sequence` are written, which are places in their `spans`: each until it
    ends, from its start or the end of the one before. A change of the speaker, −1, has the first
    `hop` of what follows it."""
    found, reached = [], 0
    for place, unit in enumerate(sequence):
        change = unit < 0
        start, end = spans[sequence[place + 1] if change else unit]
        begin = max(start, reached)
        found.append((begin, begin + hop if change else end))
        reached = reached if change else end
    return found


def alignment_losses(
    log_probabilities: Tensor,
    frames: Tensor,
    ids: Tensor,
    counts: Tensor,
    spans: Spans,
    hop: Samples,
) -> Tensor:
    """Cross-entropy of the frames against an alignment (as hybrid systems train; Zeyer et al.,
    Interspeech 2020, begin a transducer with it), `(B,)` in nats: the mean over a recording's
    frames for each of its units and one for the end, which is CTC's scale; 0 where times lack.

    `log_probabilities (B, F, V)` float32, of which `frames (B,)` count; `ids (B, P)`, of which
    `counts (B,)` do.
    """
    own = torch.arange(log_probabilities.shape[1], device=ids.device) < frames[:, None]
    labels = aligned(ids, spans, log_probabilities.shape[1], hop)
    losses = F.nll_loss(log_probabilities.transpose(1, 2), labels, reduction="none")
    mean = (losses * own).sum(dim=1) / frames.clamp(min=1)
    place = torch.arange(ids.shape[1], device=ids.device)
    timed = ((spans.ends >= 0) | (place >= counts[:, None])).all(dim=1)
    return torch.where(timed, mean * (counts + 1), 0.0)
