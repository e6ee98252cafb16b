"""Attentive statistics with several heads and several queries."""

import math

import torch
from torch import Tensor, nn

from joint.encoders.frames import Frames
from joint.encoders.pooling import attentive_moments
from joint.errors import ConfigError


class MultiHeadAttentivePooling(nn.Module):
    """Channels in `heads` groups, each with an attention of its own (India et al., Interspeech
    2019), asked by `queries` independent ones (Zhao et al., SpeakIn's system for VoxSRC 2021):
    `(B, F, D)` → `(B, 2·D·queries)`, for each query and head its means and its deviations.

    A head weighs a frame by one number or, `per_channel`, by one for each of its channels. With
    `bottleneck` None the attention is linear. Raises ConfigError where D is no multiple of
    `heads`.
    """

    def __init__(
        self,
        input_dim: int,
        heads: int = 2,
        queries: int = 1,
        bottleneck: int | None = 64,
        per_channel: bool = False,
    ) -> None:
        super().__init__()
        if input_dim % heads:
            raise ConfigError("heads", str(heads), f"a divisor of {input_dim} channels")
        self.output_dim = 2 * input_dim * queries
        self.heads, self.queries = heads, queries
        group = input_dim // heads
        scores = group if per_channel else 1
        self.hidden = None if bottleneck is None else HeadLinear(queries, heads, group, bottleneck)
        self.score = HeadLinear(queries, heads, bottleneck or group, scores)

    def forward(self, frames: Frames) -> Tensor:
        """`(B, F, D)` → `(B, 2·D·queries)`."""
        batch, count, width = frames.features.shape
        group = frames.features.view(batch, count, 1, self.heads, width // self.heads)
        group = group.expand(-1, -1, self.queries, -1, -1)
        hidden = group if self.hidden is None else torch.tanh(self.hidden(group))
        scores = self.score(hidden).expand_as(group)
        if frames.mask is not None:
            hidden_frames = ~frames.mask.view(batch, count, 1, 1, 1)
            scores = scores.masked_fill(hidden_frames, float("-inf"))
        moments = attentive_moments(group.flatten(2), scores.flatten(2))
        parts = [m.view(batch, self.queries, self.heads, -1) for m in moments]
        return torch.cat(parts, dim=-1).flatten(1)


class HeadLinear(nn.Module):
    """One linear layer for each query and head: `(…, Q, H, in)` → `(…, Q, H, out)`."""

    def __init__(self, queries: int, heads: int, input_dim: int, output_dim: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(input_dim)
        shape = (queries, heads, input_dim, output_dim)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(queries, heads, output_dim).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return torch.einsum("bfqhi,qhio->bfqho", x, self.weight) + self.bias
