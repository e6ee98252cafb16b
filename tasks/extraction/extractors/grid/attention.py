"""Attention between frames, each with all its frequencies: TF-GridNet's full-band module."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from joint.errors import ConfigError


class HeadProjection(nn.Module):
    """A linear layer, a PReLU a head, and each head's frame normalised over features and
    frequencies."""

    def __init__(self, features: int, heads: int, width: int, bins: int) -> None:
        super().__init__()
        self.heads = heads
        self.linear = nn.Linear(features, heads * width)
        self.slope = nn.Parameter(torch.full((heads,), 0.25))
        self.gain = nn.Parameter(torch.ones(heads, 1, bins * width))
        self.shift = nn.Parameter(torch.zeros(heads, 1, bins * width))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, T, bins, features)` → `(B, heads, T, bins·width)`."""
        y = rearrange(self.linear(x), "b t f (h e) -> b h t (f e)", h=self.heads)
        y = F.prelu(y, self.slope.to(y.dtype))
        normalised = F.layer_norm(y, y.shape[-1:])
        return torch.addcmul(self.shift, normalised, self.gain).to(x.dtype)


class FullBandAttention(nn.Module):
    """Frames attend to frames: of the same recording, or, with a `memory`, of another one (Wang et
    al., TASLP 2023, §IV-C; Zeng and Li, 2024, attend from a mixture to an enrolment).

    A query has about `query_dim` numbers over all frequencies. Raises ConfigError for `heads` that
    do not divide the features.
    """

    def __init__(self, features: int, bins: int, heads: int, query_dim: int) -> None:
        super().__init__()
        if features % heads:
            raise ConfigError("heads", str(heads), f"a divisor of {features} features")
        width = math.ceil(query_dim / bins)
        self.query = HeadProjection(features, heads, width, bins)
        self.key = HeadProjection(features, heads, width, bins)
        self.value = HeadProjection(features, heads, features // heads, bins)
        self.merge = nn.Sequential(nn.Linear(features, features), nn.PReLU())
        self.norm = nn.LayerNorm([bins, features])

    def forward(
        self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """`x (B, T, bins, features)`, `memory (B, M, bins, features)` with `mask (B, M)`, True
        where it has a frame → `(B, T, bins, features)`."""
        memory = x if memory is None else memory
        own = None if mask is None else mask[:, None, None]
        query, key, value = self.query(x), self.key(memory), self.value(memory)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=own)
        y = rearrange(attended, "b h t (f e) -> b t f (h e)", f=x.shape[2])
        merged: Tensor = self.norm(self.merge(y))
        return merged
