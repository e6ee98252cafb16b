"""Durations in frames, and features repeated by them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from joint.data.phones import UNKNOWN
from joint.synthesis.mel import HOP, frames_of
from joint.units import Samples

SHORTEST_PAUSE = 3
"""Frames; a shorter gap between two phones belongs to the first one."""


@dataclass(frozen=True)
class TimedPhones:
    """The phones of utterances, silences among them: `phones (B, P)`, padded with `UNKNOWN`, and
    `durations (B, P)` in frames of the log-mel spectrogram, 0 behind the end; the durations of a
    row sum to its frames."""

    phones: Tensor
    durations: Tensor

    @property
    def mask(self) -> Tensor:
        """`(B, P)`, True on phones."""
        return self.phones != UNKNOWN

    def to(self, device: torch.device | str) -> "TimedPhones":
        """The same on `device`."""
        return TimedPhones(self.phones.to(device), self.durations.to(device))


def timed_phones(
    phones: Tensor, starts: Tensor, ends: Tensor, lengths: Sequence[Samples]
) -> TimedPhones:
    """From phones without silences, `(B, P)` padded with `UNKNOWN`, and the Samples where each
    begins and ends; gaps become silences (phone 0). A phone has one frame at least, so that no row
    may have more phones than frames."""
    found, durations = [], []
    edges = zip(phones.tolist(), starts.tolist(), ends.tolist(), lengths, strict=True)
    for names, begins, finishes, length in edges:
        row = _with_pauses(names, begins, finishes, frames_of(length))
        found.append(torch.tensor(row[0]))
        durations.append(torch.tensor(row[1]))
    padded = pad_sequence(found, True, UNKNOWN), pad_sequence(durations, True, 0)
    return TimedPhones(*(rows.to(phones.device) for rows in padded))


def _with_pauses(
    names: Sequence[int], begins: Sequence[Samples], finishes: Sequence[Samples], frames: int
) -> tuple[list[int], list[int]]:
    spoken = [
        (name, round(begin / HOP), round(finish / HOP))
        for name, begin, finish in zip(names, begins, finishes, strict=True)
        if name != UNKNOWN
    ]
    found: list[int] = []
    durations: list[int] = []
    reached = 0
    for i, (name, begin, finish) in enumerate(spoken):
        latest = frames - (len(spoken) - i)  # a frame is left for each phone that follows
        begin = min(max(begin, reached), latest)
        gap = begin - reached
        if gap >= SHORTEST_PAUSE or (gap and not found):
            found.append(0)
            durations.append(gap)
        elif gap:
            durations[-1] += gap
        finish = min(max(finish, begin + 1), latest + 1)
        found.append(name)
        durations.append(finish - begin)
        reached = finish
    if reached < frames:
        found.append(0)
        durations.append(frames - reached)
    return found, durations


def regulate(features: Tensor, durations: Tensor, frames: int | None = None) -> Tensor:
    """Repeats each of `features (B, P, D)` as often as `durations (B, P)` say: `(B, F, D)`, zeros
    behind the end of a row (the length regulator of Ren et al., FastSpeech, NeurIPS 2019)."""
    ends = durations.cumsum(dim=1)
    count = int(ends[:, -1].max()) if frames is None else frames
    frame = torch.arange(count, device=features.device).expand(len(features), -1).contiguous()
    index = torch.searchsorted(ends, frame, right=True)
    own = (frame < ends[:, -1:]).unsqueeze(-1)
    index = index.clamp(max=features.shape[1] - 1)[..., None].expand(-1, -1, features.shape[2])
    return features.gather(1, index) * own.to(features.dtype)


def frames_mask(durations: Tensor) -> Tensor:
    """`(B, F)`, True on the frames that `durations (B, P)` sum to."""
    total = durations.sum(dim=1)
    frame = torch.arange(int(total.max()), device=durations.device)
    return frame[None] < total[:, None]


def window(frames: Tensor, starts: Tensor, count: int) -> Tensor:
    """`count` frames of each row of `frames (B, F, D)`, from frame `starts (B,)` on: `(B, count,
    D)`; behind the end the last one is repeated."""
    index = starts[:, None] + torch.arange(count, device=frames.device)
    index = index.clamp(max=frames.shape[1] - 1)
    return frames.gather(1, index[..., None].expand(-1, -1, frames.shape[2]))


def random_starts(frames: Tensor, count: int) -> Tensor:
    """A random place `(B,)` in rows of `frames (B,)` at which `count` frames begin; 0 in shorter
    rows."""
    room = (frames - count).clamp(min=0)
    draws = torch.rand(len(room), device=room.device)
    return (draws * (room + 1)).long().clamp(max=room)
