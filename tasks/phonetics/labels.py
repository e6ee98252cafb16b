"""Targets of the phonetic heads: the phone of each frame, the shares of phones in a segment."""

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.data.frame_phones import phones_at
from joint.data.phones import UNKNOWN
from joint.outputs import Layer


def frame_phones(layer: Layer, phones: Tensor, ends: Tensor) -> Tensor:
    """The phone at the centre of each frame, `(B, F)`; `UNKNOWN` on padding and after the last.

    `phones (B, P)` and `ends (B, P)` are those of `SceneBatch`, in Samples.
    """
    frames = torch.arange(layer.features.shape[2], device=ends.device)
    labels = phones_at(layer.offset + layer.hop * frames, phones, ends)
    return labels.masked_fill(~layer.mask, UNKNOWN)


def phone_shares(phones: Tensor, ends: Tensor, lengths: Tensor, count: int) -> Tensor:
    """The share of each phone in the speech of a segment, `(B, count)`, without silence; rows sum
    to 1, or are 0 without known speech.

    Shapes: `phones (B, P)`, `ends (B, P)` and `lengths (B,)` in Samples.
    """
    last = torch.minimum(ends, lengths[:, None])
    starts = F.pad(last, (1, 0))[:, :-1]
    duration = (last - starts).float() * (phones > 0)
    totals = torch.zeros(len(phones), count, device=phones.device)
    totals.scatter_add_(1, phones.clamp(min=0), duration)
    return totals / totals.sum(dim=1, keepdim=True).clamp(min=1.0)
