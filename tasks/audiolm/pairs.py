"""Balanced pairs of recordings, with pairs that are hard to tell apart among them."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from joint.errors import ConfigError

NEAREST = 10
"""A hard pair's second recording is one of so many most similar ones of other speakers."""


@dataclass(frozen=True)
class Pairs:
    """`first (P,)` and `second (P,)` are rows of a table of recordings; `same (P,)` is True where
    one person spoke both, `hard (P,)` where the second was chosen among the most similar ones of
    other speakers."""

    first: Tensor
    second: Tensor
    same: Tensor
    hard: Tensor

    def __len__(self) -> int:
        return len(self.first)


def draw_pairs(
    cosine: Tensor,
    speaker: Tensor,
    recording: Tensor,
    count: int,
    hard_share: float,
    generator: Generator,
) -> Pairs:
    """`count` pairs, half of them of one speaker, each of these beside a pair of its first
    recording with another speaker's.

    Of the pairs of two speakers `hard_share` are hard (Ren et al. 2025, hard-pair sampling): the
    second recording is one of the `NEAREST` by `cosine (N, N)`, from another utterance, of another
    `speaker (N,)`. No pair is of one `recording (N,)` with itself.

    Raises ConfigError for recordings of one speaker only, and for none of one speaker twice.
    """
    speaker, recording, cosine = speaker.cpu(), recording.cpu(), cosine.detach().float().cpu()
    alike = speaker[:, None] == speaker
    twice = alike & (recording[:, None] != recording)
    if bool(alike.all()) or not bool(twice.any()):
        found = f"{len(speaker)} recordings of {len(speaker.unique())} speakers"
        raise ConfigError("pairs", found, "two speakers or more, of one of them two recordings")
    # the speaker first, so that one of many recordings counts as much as one of few
    able = twice.any(dim=1)
    weight = able / (alike & able).sum(dim=1).clamp(min=1)
    half = count // 2
    first = torch.multinomial(weight.double(), half, True, generator=generator)
    second = torch.multinomial(twice[first].double(), 1, generator=generator)[:, 0]
    others = cosine.masked_fill(alike, float("-inf"))[first]
    near = others.topk(min(NEAREST, others.shape[1]), dim=1)
    hardest = torch.multinomial(near.values.isfinite().double(), 1, generator=generator)
    hard = torch.rand(half, generator=generator) < hard_share
    any_other = torch.multinomial((~alike[first]).double(), 1, generator=generator)[:, 0]
    other = torch.where(hard, near.indices.gather(1, hardest)[:, 0], any_other)
    return Pairs(
        torch.cat([first, first]),
        torch.cat([second, other]),
        torch.arange(2 * half) < half,
        torch.cat([torch.zeros_like(hard), hard]),
    )
