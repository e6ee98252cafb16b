"""Gemini DF-ResNets: depth-first ResNets that halve time once only (Liu et al., Interspeech 2022;
Liu et al., "Golden Gemini is all you need", TASLP 2024)."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.backbones.residual.resnet import flat, halved, hide, image_of
from joint.encoders.frames import Frames

TIME_STRIDES = (1, 2, 1, 1)
"""Of the four stages; frequency is halved by each."""


class InvertedBottleneck(nn.Module):
    """1×1 to four times the channels, a 3×3 convolution on each channel, 1×1 back, around a
    residual connection."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = 4 * channels
        self.conv1 = nn.Conv2d(channels, wide, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(wide)
        self.conv2 = nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False)
        self.norm2 = nn.BatchNorm2d(wide)
        self.conv3 = nn.Conv2d(wide, channels, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x (B, C, D, F)` → the same."""
        y = hide(F.relu(self.norm1(self.conv1(x))), mask)
        y = F.relu(self.norm2(self.conv2(y)))
        return F.relu(self.norm3(self.conv3(y)) + x)


class GeminiDfResNet(nn.Module):
    """Four stages of inverted bottlenecks, a strided convolution before each: `(B, F, features)`
    → `(B, F/2, 8·channels·features/16)`. The classes below say how many."""

    depths: ClassVar[tuple[int, ...]]

    def __init__(self, features: int = 80, channels: int = 32) -> None:
        super().__init__()
        widths = [channels, channels, 2 * channels, 4 * channels, 8 * channels]
        self.conv = nn.Conv2d(1, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.downsample = nn.ModuleList(
            nn.Conv2d(widths[i], widths[i + 1], 3, (2, stride), 1, bias=False)
            for i, stride in enumerate(TIME_STRIDES)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
        self.stages = nn.ModuleList(
            nn.ModuleList(InvertedBottleneck(width) for _ in range(depth))
            for width, depth in zip(widths[1:], self.depths, strict=True)
        )
        self.output_dim = widths[-1] * ((features + 15) // 16)

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The last stage as frames, and every stage by name."""
        mask, stride, layers = frames.mask, 1, {}
        x = hide(F.relu(self.norm(self.conv(image_of(frames)))), mask)
        parts = zip(self.downsample, self.norms, self.stages, TIME_STRIDES, strict=True)
        for i, (downsample, norm, blocks, step) in enumerate(parts):
            if step == 2:
                mask, stride = halved(mask), 2 * stride
            x = norm(downsample(x))
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, mask)
            x = hide(x, mask)
            layers[f"stage{i + 1}"] = frames.strided(flat(x), mask, stride, x)
        return layers[f"stage{len(self.stages)}"], layers


class GeminiDfResNet60(GeminiDfResNet):
    """3, 3, 9, 3 blocks."""

    depths = (3, 3, 9, 3)


class GeminiDfResNet114(GeminiDfResNet):
    """3, 3, 27, 3 blocks: 6.53 million parameters with an embedding of 256."""

    depths = (3, 3, 27, 3)


class GeminiDfResNet183(GeminiDfResNet):
    """3, 8, 45, 3 blocks."""

    depths = (3, 8, 45, 3)


class GeminiDfResNet237(GeminiDfResNet):
    """3, 8, 63, 3 blocks."""

    depths = (3, 8, 63, 3)
