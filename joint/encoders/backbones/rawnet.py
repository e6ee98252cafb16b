"""RawNet3 (Jung et al., Interspeech 2022): ECAPA's blocks on the frames of learnt filters."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.backbones.ecapa import TdnnBlock
from joint.encoders.frames import FrameConv, Frames, masked_mean

POOLED = (5, 3)
"""Frames that the first and the second block make one of."""


class FeatureMapScaling(nn.Module):
    """α-feature map scaling: `(x + α) · sigmoid(linear(mean of x))`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))
        self.gate = nn.Linear(channels, channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`(B, F, D)` → the same."""
        gate = torch.sigmoid(self.gate(masked_mean(x, mask))).unsqueeze(1)
        return (x + self.alpha) * gate.to(x.dtype)


class RawBlock(nn.Module):
    """1×1, convolutions on groups of channels each with the result before it, 1×1, around a
    residual connection; then the maximum of every `pool` frames, then scaling."""

    def __init__(
        self, in_channels: int, channels: int, dilation: int, scale: int, pool: int = 1
    ) -> None:
        super().__init__()
        self.width, self.pool = channels // scale, pool
        self.expand = TdnnBlock(in_channels, channels)
        self.groups = nn.ModuleList(
            TdnnBlock(self.width, self.width, 3, dilation) for _ in range(scale - 1)
        )
        self.merge = TdnnBlock(channels, channels)
        same = in_channels == channels
        self.shortcut = nn.Identity() if same else nn.Linear(in_channels, channels, bias=False)
        self.scaling = FeatureMapScaling(channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """`(B, F, in)` → `(B, F//pool, channels)` and its mask."""
        parts = self.expand(x, mask).split(self.width, dim=-1)
        results: list[Tensor] = []
        for part, block in zip(parts, self.groups, strict=False):
            results.append(block(part + results[-1] if results else part, mask))
        y = self.merge(torch.cat([*results, parts[-1]], dim=-1), mask) + self.shortcut(x)
        y, mask = pooled(y, mask, self.pool)
        return self.scaling(y, mask), mask


def pooled(x: Tensor, mask: Tensor | None, size: int) -> tuple[Tensor, Tensor | None]:
    """The maximum of every `size` frames of `(B, F, D)`; an incomplete rest is dropped."""
    if size == 1:
        return x, mask
    y = F.max_pool1d(x.transpose(1, 2), size).transpose(1, 2)
    return y, None if mask is None else mask[:, size - 1 :: size]


class RawNet3(nn.Module):
    """`(B, F, features)` → `(B, F/15, aggregated)`, after `SincFilterbank`; use attentive
    statistics with global context after it."""

    def __init__(
        self,
        features: int = 256,
        channels: int = 1024,
        aggregated: int = 1536,
        scale: int = 8,
    ) -> None:
        super().__init__()
        self.output_dim = aggregated
        first, second = POOLED
        self.block1 = RawBlock(features, channels, 2, scale, first)
        self.block2 = RawBlock(channels, channels, 3, scale, second)
        self.block3 = RawBlock(channels, channels, 4, scale)
        self.aggregate = FrameConv(3 * channels, aggregated)

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The last frame-level layer, and every intermediate one by name."""
        x1, mask1 = self.block1(frames.features, frames.mask)
        x2, mask = self.block2(x1, mask1)
        skip, _ = pooled(x1, mask1, POOLED[1])
        x3, _ = self.block3(skip + x2, mask)
        first = frames.pooled(x1, mask1, POOLED[0])
        second = first.pooled(x2, mask, POOLED[1])
        layers = {"block1": first, "block2": second, "block3": second.with_features(x3)}
        x = F.relu(self.aggregate(torch.cat([skip, x2, x3], dim=-1)))
        return second.with_features(x), layers
