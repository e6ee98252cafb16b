"""Waveforms continued by their mirror image, as a centred spectrum sees them."""

import torch
from torch import Tensor

from joint.units import Samples


def reflected(waveform: Tensor, lengths: Tensor, beyond: Samples) -> Tensor:
    """`waveform (B, S)` continued by its mirror image for `beyond` Samples at either end, at the
    end of each recording's own `lengths (B,)`: `(B, S + 2·beyond)`. A recording too short for that
    goes back and forth."""
    place = torch.arange(-beyond, waveform.shape[1] + beyond, device=waveform.device)
    last = (lengths - 1).clamp(min=1)[:, None]
    there_and_back = place.expand(len(waveform), -1).remainder(2 * last)
    source = torch.minimum(there_and_back, 2 * last - there_and_back)
    return waveform.gather(1, source)
