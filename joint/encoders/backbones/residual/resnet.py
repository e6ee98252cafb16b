"""ResNets on spectrograms, the r-vectors (He et al., CVPR 2016; Zeinali et al., 2019)."""

from collections.abc import Iterator
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import Frames

Stride = int | tuple[int, int]
"""Of frequency and time."""


class PointConv(nn.Conv2d):
    """1×1 convolution without a bias; a stride leaves points out beforehand.

    oneDNN's own strided one writes past its memory in the backward pass of 8 channels (torch 2.11).
    """

    def __init__(self, in_channels: int, channels: int, stride: Stride = 1) -> None:
        super().__init__(in_channels, channels, 1, bias=False)
        self.steps = (stride, stride) if isinstance(stride, int) else stride

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, D, F)` → `(B, C', D', F')`."""
        frequency, time = self.steps
        return F.conv2d(x[:, :, ::frequency, ::time], self.weight)


class ResidualBlock(nn.Module):
    """What a block of `expansion · channels` adds its result to: the input, projected where its
    shape changes."""

    expansion: ClassVar[int] = 1

    def __init__(self, in_channels: int, channels: int, stride: Stride) -> None:
        super().__init__()
        self.shortcut: nn.Module = nn.Identity()
        width = self.expansion * channels
        if stride != 1 or in_channels != width:
            self.shortcut = nn.Sequential(
                PointConv(in_channels, width, stride), nn.BatchNorm2d(width)
            )


class BasicBlock(ResidualBlock):
    """Two 3×3 convolutions around a shortcut."""

    def __init__(self, in_channels: int, channels: int, stride: Stride) -> None:
        super().__init__(in_channels, channels, stride)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, before: Tensor | None, after: Tensor | None) -> Tensor:
        """`x (B, C, D, F)`, masks `(B, F)` and `(B, F')` of input and output."""
        y = hide(F.relu(self.norm1(self.conv1(x))), after)
        return hide(F.relu(self.norm2(self.conv2(y)) + self.shortcut(x)), after)


class Bottleneck(ResidualBlock):
    """1×1, 3×3 and 1×1 convolutions around a shortcut, four times as wide outside."""

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: Stride) -> None:
        super().__init__(in_channels, channels, stride)
        self.conv1 = PointConv(in_channels, channels)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv3 = PointConv(channels, self.expansion * channels)
        self.norm3 = nn.BatchNorm2d(self.expansion * channels)

    def forward(self, x: Tensor, before: Tensor | None, after: Tensor | None) -> Tensor:
        """`x (B, C, D, F)`, masks `(B, F)` and `(B, F')` of input and output."""
        y = hide(F.relu(self.norm1(self.conv1(x))), before)
        y = F.relu(self.norm2(self.conv2(y)))
        return hide(F.relu(self.norm3(self.conv3(y)) + self.shortcut(x)), after)


def image_of(frames: Frames) -> Tensor:
    """Frames as an image `(B, 1, D, F)` for 2-D convolutions."""
    x = frames.features.transpose(1, 2).unsqueeze(1)
    return x.contiguous(memory_format=torch.channels_last)


def flat(image: Tensor) -> Tensor:
    """`(B, C, D, F)` → `(B, F, C·D)`."""
    return image.flatten(1, 2).transpose(1, 2)


def halved(mask: Tensor | None) -> Tensor | None:
    """The mask after a convolution of stride 2 with as much padding as half its kernel."""
    return None if mask is None else mask[:, ::2]


def hide(x: Tensor, mask: Tensor | None) -> Tensor:
    """Zero in the padded frames of `x (B, C, D, F)`, as a convolution's own border has it."""
    return x if mask is None else x.masked_fill(~mask[:, None, None, :], 0.0)


class ResNet(nn.Module):
    """Four stages of blocks; time and frequency are halved three times.

    `(B, F, features)` → `(B, F/8, 8·channels·expansion·features/8)`. The classes below say which
    blocks and how many; `widths` counts a stage's channels in those of the first.
    """

    block: ClassVar[type[ResidualBlock]] = BasicBlock
    depths: ClassVar[tuple[int, ...]]
    widths: ClassVar[tuple[int, ...]] = (1, 2, 4, 8)

    def __init__(self, features: int = 80, channels: int = 32) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.stages = nn.ModuleList()
        width = channels
        for stage, depth in enumerate(self.depths):
            blocks = []
            for i in range(depth):
                stride = 2 if stage > 0 and i == 0 else 1
                block = self.block_of(stage)
                blocks.append(block(width, channels * self.widths[stage], stride))
                width = channels * self.widths[stage] * block.expansion
            self.stages.append(nn.ModuleList(blocks))
        self.output_dim = width * ((features + 7) // 8)

    def block_of(self, stage: int) -> type[ResidualBlock]:
        """The kind of block in `stage`, counted from 0."""
        return self.block

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The last stage as frames, and every stage by name."""
        layers = {}
        for i, (x, mask) in enumerate(self.images(frames)):
            layers[f"stage{i + 1}"] = frames.strided(flat(x), mask, 2**i, x)
        return layers[f"stage{len(self.stages)}"], layers

    def images(self, frames: Frames) -> Iterator[tuple[Tensor, Tensor | None]]:
        """What each stage gives, `(B, C, D, F)`, and its mask."""
        x, mask = image_of(frames), frames.mask
        x = hide(F.relu(self.norm(self.conv(x))), mask)
        for i, stage in enumerate(self.stages):
            before = mask
            if i > 0:
                mask = halved(mask)
            for block in stage:  # type: ignore[attr-defined]
                x = block(x, before, mask)
                before = mask
            yield x, mask


class ResNet18(ResNet):
    """2, 2, 2, 2 blocks."""

    depths = (2, 2, 2, 2)


class ResNet34(ResNet):
    """3, 4, 6, 3 blocks: 6.6 million parameters with an embedding of 256."""

    depths = (3, 4, 6, 3)


class ResNet50(ResNet):
    """3, 4, 6, 3 bottlenecks."""

    block, depths = Bottleneck, (3, 4, 6, 3)


class ResNet101(ResNet):
    """3, 4, 23, 3 bottlenecks."""

    block, depths = Bottleneck, (3, 4, 23, 3)


class ResNet152(ResNet):
    """3, 8, 36, 3 bottlenecks."""

    block, depths = Bottleneck, (3, 8, 36, 3)


class ResNet221(ResNet):
    """6, 16, 48, 3 bottlenecks: 23.8 million parameters."""

    block, depths = Bottleneck, (6, 16, 48, 3)


class ResNet293(ResNet):
    """10, 20, 64, 3 bottlenecks: 28.6 million parameters."""

    block, depths = Bottleneck, (10, 20, 64, 3)
