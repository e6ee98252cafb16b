"""Transformer blocks of codec language models, with a cache of keys and values."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, along_trunk
from joint.outputs import SpeakerEncoding

LATEST = 800
"""Frames of codes (20 s): training begins at any position up to it, so that what is spoken may be
longer than the stretches that are learnt."""


@dataclass
class Cache:
    """Keys and values `(B, heads, L, D / heads)` that a block has computed so far."""

    keys: Tensor | None = None
    values: Tensor | None = None

    def extended(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """All so far, these behind them."""
        if self.keys is not None and self.values is not None:
            keys = torch.cat([self.keys, keys], dim=2)
            values = torch.cat([self.values, values], dim=2)
        self.keys, self.values = keys, values
        return keys, values


class Block(nn.Module):
    """Self-attention and two linear layers, norms first (Vaswani et al., NeurIPS 2017).

    Args:
        stages: Where not 0, the first norm has a gain and a shift for each stage (adaptive layer
            norm: Wang et al., VALL-E, 2023, section 4.2.2).
    """

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float, stages: int = 0) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(dim)
        self.stages: nn.Embedding | None = None
        if stages:
            self.stages = nn.Embedding(stages, 2 * dim)
            nn.init.zeros_(self.stages.weight)
        self.enter, self.leave = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.feed = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        cache: Cache | None = None,
        stage: Tensor | None = None,
    ) -> Tensor:
        """`x (B, L, D)`; `mask (B, L, K)` is True where a position reads a key, None: all."""
        y = self.before(x)
        if self.stages is not None and stage is not None:
            gain, shift = self.stages(stage)[:, None].chunk(2, dim=2)
            y = y * (1.0 + gain) + shift
        q, k, v = rearrange(self.enter(y), "b l (n h d) -> n b h l d", n=3, h=self.heads)
        if cache is not None:
            k, v = cache.extended(k, v)
        read = F.scaled_dot_product_attention(
            q, k, v, attn_mask=None if mask is None else mask[:, None]
        )
        x = x + self.dropout(self.leave(rearrange(read, "b h l d -> b l (h d)")))
        fed: Tensor = x + self.dropout(self.feed(x))
        return fed


class Transformer(nn.Module):
    """Blocks and a norm; where a `fusion` is given, each block reads features that are conditioned
    on the speaker."""

    def __init__(
        self,
        dim: int,
        blocks: int,
        heads: int,
        dropout: float,
        fusion: Callable[[int], Conditioning] | None = None,
        stages: int = 0,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(dim, heads, 4 * dim, dropout, stages) for _ in range(blocks)
        )
        self.fusions = along_trunk(fusion, dim, blocks)
        self.norm = nn.LayerNorm(dim)

    def caches(self) -> list[Cache]:
        """Empty ones, for a sequence that is computed bit by bit."""
        return [Cache() for _ in self.blocks]

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        encoding: SpeakerEncoding,
        caches: list[Cache] | None = None,
        stage: Tensor | None = None,
    ) -> Tensor:
        """`x (B, L, D)` → the same shape; `stage (B,)`. See Block."""
        for place, block in enumerate(self.blocks):
            if len(self.fusions):
                x = self.fusions[place](x, encoding)
            x = block(x, mask, None if caches is None else caches[place], stage)
        out: Tensor = self.norm(x)
        return out


def positions(first: int, count: int, like: Tensor) -> Tensor:
    """Sinusoids `(count, D)` of the positions from `first` on, D channels as `like (…, D)` (Vaswani
    et al., section 3.5)."""
    half = like.shape[-1] // 2
    rates = torch.exp(-math.log(10_000.0) / half * torch.arange(half, device=like.device))
    place = torch.arange(first, first + count, device=like.device)
    angles = place[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1).to(like.dtype)


def spoken_in(text: Tensor, places: Tensor) -> Tensor:
    """The row of `text (B, P, D)` that is spoken in each frame, at `places (B, T)`, `(B, T, D)`."""
    return text.gather(1, places[..., None].expand(-1, -1, text.shape[2]))
