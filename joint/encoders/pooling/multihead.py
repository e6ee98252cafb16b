"""Attentive statistics with several heads and several queries."""

import torch
from einops import repeat
from torch import Tensor, nn

from joint.encoders.frames import Frames
from joint.encoders.pooling.statistics import attentive_moments
from joint.errors import ConfigError
from joint.layers.grouped import GroupedLinear


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
        rows = queries * heads
        self.hidden = None if bottleneck is None else GroupedLinear(rows, group, bottleneck)
        self.score = GroupedLinear(rows, bottleneck or group, scores)

    def forward(self, frames: Frames) -> Tensor:
        """`(B, F, D)` → `(B, 2·D·queries)`."""
        batch, count, _ = frames.features.shape
        # query by query, a row for each head
        rows = repeat(frames.features, "b f (h d) -> b f (q h) d", h=self.heads, q=self.queries)
        hidden = rows if self.hidden is None else torch.tanh(self.hidden(rows))
        scores = self.score(hidden).expand_as(rows)
        if frames.mask is not None:
            scores = scores.masked_fill(~frames.mask.view(batch, count, 1, 1), float("-inf"))
        moments = attentive_moments(rows.flatten(2), scores.flatten(2))
        parts = [m.view(batch, self.queries, self.heads, -1) for m in moments]
        return torch.cat(parts, dim=-1).flatten(1)
