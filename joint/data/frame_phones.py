"""The phones at given moments of recordings, as targets of frames."""

import torch
from torch import Tensor

from joint.data.phones import UNKNOWN


def phones_at(samples: Tensor, phones: Tensor, ends: Tensor) -> Tensor:
    """The phone at each of `samples (F,)`, `(B, F)`; `UNKNOWN` behind the last.

    `phones (B, P)` and `ends (B, P)` are those of `SceneBatch`, in Samples.
    """
    place = torch.searchsorted(ends, samples.expand(len(ends), -1).contiguous(), right=True)
    behind = place == ends.shape[1]
    return phones.gather(1, place.clamp(max=ends.shape[1] - 1)).masked_fill(behind, UNKNOWN)
