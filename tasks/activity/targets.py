"""When each enrolled person of a batch speaks, on the frames of a network."""

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.scene import ACTIVITY_HOP, SceneBatch
from joint.units import Samples


def spoken(batch: SceneBatch) -> Tensor:
    """Whether each enrolled person speaks, `(B, K, A)` bool, a frame each `ACTIVITY_HOP` Samples:
    in any of the sources that are theirs; never, where they are absent."""
    assert batch.activity is not None and batch.speaker is not None
    assert batch.source_speakers is not None
    own = batch.speaker[:, :, None] == batch.source_speakers[:, None, :]
    return (own[..., None] & batch.activity[:, None]).any(dim=2)


def anybody(batch: SceneBatch) -> Tensor:
    """Whether any source speaks, enrolled or not, `(B, A)` bool."""
    assert batch.activity is not None
    return batch.activity.any(dim=1)


def on_frames(active: Tensor, count: int, hop: Samples, offset: Samples) -> Tensor:
    """The share of each of `count` frames that is `active (…, A)`: `(…, count)` float32. Frame f is
    `hop` Samples around `offset + f·hop`, to the nearest of ACTIVITY_HOP; what is beyond the ends
    is not active."""
    size = hop // ACTIVITY_HOP
    first = round((offset - hop / 2) / ACTIVITY_HOP)
    behind = max(0, first + count * size - active.shape[-1])
    whole = F.pad(active.float(), (max(0, -first), behind))
    start = max(0, first)
    return whole[..., start : start + count * size].unflatten(-1, (count, size)).mean(dim=-1)


def inside(lengths: Tensor, count: int, hop: Samples, offset: Samples) -> Tensor:
    """Which of `count` frames have their centre inside recordings of `lengths (B,)` Samples, `(B,
    count)` bool."""
    centres = offset + hop * torch.arange(count, device=lengths.device)
    return centres < lengths[:, None]
