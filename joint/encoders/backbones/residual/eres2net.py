"""ERes2Net: a Res2Net whose groups and stages are fused by attention (Chen et al., Interspeech
2023)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.backbones.residual.res2net import SCALE, Res2Block
from joint.encoders.backbones.residual.resnet import ResidualBlock, ResNet, Stride, flat, hide
from joint.encoders.frames import Frames

FUSED_FROM = 2
"""The first stage whose groups are fused by attention, counted from 0."""


class AttentiveFusion(nn.Module):
    """Two images of one shape, weighed against each other point by point (§2.2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2 * channels, channels // 4, 1)
        self.norm1 = nn.BatchNorm2d(channels // 4)
        self.conv2 = nn.Conv2d(channels // 4, channels, 1)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`x` and `y (B, C, D, F)` → the same shape."""
        hidden = F.silu(self.norm1(self.conv1(torch.cat([x, y], dim=1))))
        lean = torch.tanh(self.norm2(self.conv2(hidden)))
        return x * (1.0 + lean) + y * (1.0 - lean)


class ResBlock(Res2Block):
    """All groups are convolved, each with the sum of itself and the result before it."""

    convolved = SCALE


class FusedBlock(ResBlock):
    """The same, with attention instead of the sum."""

    def __init__(self, in_channels: int, channels: int, stride: Stride) -> None:
        super().__init__(in_channels, channels, stride)
        self.fusions = nn.ModuleList(AttentiveFusion(self.width) for _ in range(SCALE - 1))

    def join(self, before: Tensor, group: Tensor, index: int) -> Tensor:
        """See Res2Block."""
        fused: Tensor = self.fusions[index - 1](before, group)
        return fused


class ERes2Net34(ResNet):
    """3, 4, 6, 3 blocks, every stage fused with those below it: 6.6 million parameters with an
    embedding of 192."""

    depths = (3, 4, 6, 3)

    def __init__(self, features: int = 80, channels: int = 32) -> None:
        super().__init__(features, channels)
        widths = [ResBlock.expansion * channels * 2**i for i in range(len(self.depths))]
        self.downsample = nn.ModuleList(
            nn.Conv2d(width, 2 * width, 3, 2, 1, bias=False) for width in widths[:-1]
        )
        self.fusions = nn.ModuleList(AttentiveFusion(width) for width in widths[1:])

    def block_of(self, stage: int) -> type[ResidualBlock]:
        """See ResNet."""
        return FusedBlock if stage >= FUSED_FROM else ResBlock

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """All stages fused, and every stage by name."""
        layers: dict[str, Frames] = {}
        fused: Tensor | None = None
        for i, (x, mask) in enumerate(self.images(frames)):
            layers[f"stage{i + 1}"] = frames.strided(flat(x), mask, 2**i, x)
            if fused is None:
                fused = x
            else:
                fused = hide(self.fusions[i - 1](x, self.downsample[i - 1](fused)), mask)
        assert fused is not None
        return layers[f"stage{len(self.stages)}"].with_features(flat(fused)), layers
