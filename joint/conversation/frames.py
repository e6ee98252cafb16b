"""What heads on the encoder's frames share: its layers on a hop of their own, and targets there."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.encoders.frames import Frames
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.scene import ACTIVITY_HOP
from joint.units import Samples


def check_frames(reads: Sequence[str], hop: Samples) -> None:
    """Raises ConfigError for no layer, and for a hop that is no multiple of ACTIVITY_HOP."""
    if not reads:
        raise ConfigError("reads", "no layer", "at least one of the encoder's")
    if hop < ACTIVITY_HOP or hop % ACTIVITY_HOP:
        raise ConfigError("hop", str(hop), f"a multiple of {ACTIVITY_HOP} Samples")


def frames_of(encoding: SpeakerEncoding, reads: Sequence[str], hop: Samples, reader: str) -> Frames:
    """The layers `reads` of an encoding side by side, on frames `hop` Samples apart, each the mean
    of the encoder's in it.

    Raises ConfigError, naming the `reader`, for a layer that was not asked for, layers of several
    time axes, and frames that do not fit the hop.
    """
    read = [encoding.need_layer(name, reader) for name in reads]
    first = read[0]
    if any((x.hop, x.offset) != (first.hop, first.offset) for x in read):
        raise ConfigError("reads", "layers with different frames", "layers of one time axis")
    if hop % first.hop:
        raise ConfigError("hop", str(hop), f"a multiple of the encoder's {first.hop}")
    features = torch.cat([layer.features.transpose(1, 2) for layer in read], dim=2)
    return averaged(Frames(features, first.mask, first.hop, first.offset), hop // first.hop)


def averaged(frames: Frames, size: int) -> Frames:
    """One frame for each `size` consecutive ones, the mean of those that count; zeros where none
    does."""
    mask = frames.full_mask()
    missing = -mask.shape[1] % size
    features = frames.features.masked_fill(~mask.unsqueeze(-1), 0.0)
    summed = F.pad(features, (0, 0, 0, missing)).unflatten(1, (-1, size)).sum(dim=2)
    counted = F.pad(mask, (0, missing)).unflatten(1, (-1, size)).sum(dim=2)
    mean = summed / counted.clamp(min=1).unsqueeze(-1)
    return frames.pooled(mean, counted > 0, size)


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
