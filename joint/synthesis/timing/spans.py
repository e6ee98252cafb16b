"""Which part of a sequence is to be infilled, and which is read as context."""

import torch
from torch import Tensor

from joint.synthesis.lengths import TimedPhones


def random_spans(mask: Tensor, least: float, everything: float, continued: float = 0.0) -> Tensor:
    """What is to be infilled of sequences, `(B, F)` bool of `mask (B, F)`: of a share `everything`
    of the rows the whole, of others one span as long as a share of the row that is drawn from
    `least` to 1, at a random place (Le et al., Voicebox, section 3.2), or in a share `continued` of
    the rows at the end."""
    lengths = mask.sum(dim=1)
    share = least + (1.0 - least) * torch.rand(len(mask), device=mask.device)
    share = share.where(torch.rand(len(mask), device=mask.device) >= everything, 1.0)
    spans = (share * lengths).ceil().long().clamp(min=1)
    starts = (torch.rand(len(mask), device=mask.device) * (lengths - spans + 1)).long()
    if continued:
        ends = torch.rand(len(mask), device=mask.device) < continued
        starts = starts.where(~ends, lengths - spans)
    place = torch.arange(mask.shape[1], device=mask.device)
    inside = (place >= starts[:, None]) & (place < (starts + spans)[:, None])
    return inside & mask


def last_phones(timed: TimedPhones, longest: int) -> Tensor:
    """Which phones of one row end it within `longest` frames, the last one in any case: `(P,)`."""
    behind = timed.durations[0].flip(0).cumsum(dim=0).flip(0)
    return behind <= max(longest, int(behind[-1]))
